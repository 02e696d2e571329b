import { createHash } from 'node:crypto';
import { type Lease, type Shared, SharedRegistry } from '../../lib/shared-registry.ts';
import { outboundClient } from '../../outbound/client.ts';
import { OpenidProvider } from '../../outbound/openid.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { sharedNonces } from '../../state/limits/nonces.ts';
import { Attempts } from './attempts.ts';
import type { OidcConfig } from './config.ts';
import { Renewals } from './renewals.ts';
import { Seal } from './seal.ts';
import { Sessions } from './sessions.ts';

/** What logins of one configuration need. */
export interface Parts extends Shared {
  readonly config: OidcConfig;
  readonly provider: OpenidProvider;
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly renewals: Renewals;
  /** Every cookie of ours begins like that, and no other. */
  readonly cookiePrefix: string;
  readonly log: (level: 'warn' | 'error', message: string) => void;
}

/** Of this thread: a route has it in many rules, and each change of the table binds them anew. */
const shared = new SharedRegistry<Parts>();

/** @throws Error when a secret is not there */
export function borrowParts(config: OidcConfig, env: PolicyEnv): Lease<Parts> {
  const { clientSecret, sessionKeys } = config;
  if (sessionKeys === null) throw new Error('the Secret with the keys of its sessions is not there');
  const keys = env.secret(sessionKeys);
  const secret = clientSecret === null ? null : env.secret(clientSecret);
  const key = sha256(JSON.stringify([config, keys, secret, env.outbound]));
  return shared.take(key, () => assemble(config, keys, secret, env));
}

function assemble(config: OidcConfig, keys: string, clientSecret: string | null, env: PolicyEnv): Parts {
  const { issuer, clientId, authentication, timeoutMs, keeping, httpBrowsers } = config;
  const seal = new Seal(keys);
  // A session of one client must not count for another, whoever shares the host or the keys.
  const client = `${issuer}\n${clientId}`;
  const purpose = `session\n${client}`;
  const id = sha256(client).slice(0, 8);
  const cookiePrefix = `${httpBrowsers ? '' : '__Host-'}portreeve-${id}`;
  const log = (level: 'info' | 'warn' | 'error', message: string) =>
    env.log(level, `oidc ${issuer}: ${message}`);
  const provider = new OpenidProvider(outboundClient(env.outbound), {
    ...{ issuer, clientId, clientSecret, authentication, timeoutMs, log },
  });
  const nonces = sharedNonces(env.limits, env.threadId);
  const renewals = new Renewals({
    ...{ id, provider, seal, purpose, keeping, timeoutMs },
    nonces,
    log: (message) => log('warn', message),
  });
  return {
    ...{ config, provider, cookiePrefix, log, renewals },
    sessions: new Sessions(cookiePrefix, seal, purpose, config),
    attempts: new Attempts(cookiePrefix, !httpBrowsers, seal, `login\n${client}`, nonces),
    close() {
      provider.close();
      renewals.close();
    },
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
