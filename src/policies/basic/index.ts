import { type Static, Type } from 'typebox';
import type { ConsumerIr } from '../../ir/consumer.ts';
import type { SecretName } from '../../ir/secret.ts';
import { realm } from '../../lib/header-schema.ts';
import { costOf, parsePassword, type StoredPassword } from '../../lib/password-hash.ts';
import { fields, secretRef } from '../../lib/schema.ts';
import {
  ABSENT,
  defineAuthenticator,
  type Proof,
  quoted,
  refused,
  unauthorized,
} from '../../pipeline/authenticator.ts';
import { type Consumers, consumerIdentity } from '../../pipeline/consumers.ts';
import { identityOf } from '../../pipeline/identity.ts';
import { headerPlace, leavingPlaces } from '../../pipeline/place.ts';
import type { PolicyEnv, ResolveContext } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import { type BasicCredentials, readBasic } from './credentials.ts';
import { throughGate } from './gate.ts';
import { htpasswdProblem, parseHtpasswd } from './htpasswd.ts';
import { ProofMemory } from './memory.ts';
import { isPassword } from './password.ts';

const schema = fields(
  {
    realm: realm('What browsers show when they ask for the password.', 'restricted'),
    htpasswd: Type.Optional(
      fields(
        { secretRef: secretRef('auth', 'A Secret with an htpasswd file.') },
        'Users of this file alone; without it, those of Consumers of the same namespace.',
      ),
    ),
    keep: Type.Boolean({ description: 'Send user and password to the backend, too.', default: false }),
  },
  'Clients prove who they are by user name and password (RFC 7617).',
);

interface BasicConfig {
  readonly realm: string;
  readonly keep: boolean;
  readonly namespace: string;
  /** null: the users of Consumers. */
  readonly htpasswd: SecretName | null;
}

function resolve(
  { realm, keep, htpasswd }: Static<typeof schema>,
  { namespace, secret }: ResolveContext,
): BasicConfig {
  const file = htpasswd && secret(htpasswd.secretRef, 'htpasswd.secretRef', htpasswdProblem);
  return { realm, keep, namespace, htpasswd: file ?? null };
}

interface User {
  readonly stored: StoredPassword;
  readonly consumer: ConsumerIr | null;
}

/** Where users are looked up. */
interface Users {
  /** Grows when anything that it says may be different. */
  readonly version: number;
  find(user: string): User | null;
  /** Of those that can be told at once. */
  readonly known: readonly StoredPassword[];
}

function usersOf({ namespace, htpasswd }: BasicConfig, env: PolicyEnv): Users {
  if (htpasswd === null) return consumerUsers(env.consumers(namespace));
  const users = new Map(
    [...parseHtpasswd(env.secret(htpasswd))].map(([user, stored]) => [user, { stored, consumer: null }]),
  );
  const known = [...users.values()].map(({ stored }) => stored);
  return { version: 0, find: (user) => users.get(user) ?? null, known };
}

function consumerUsers(consumers: Consumers): Users {
  return {
    get version() {
      return consumers.version;
    },
    find(user) {
      const found = consumers.byUser(user);
      const stored = found && parsePassword(found.password);
      return found === null || stored === null ? null : { stored, consumer: found.consumer };
    },
    known: [],
  };
}

function costlier(a: StoredPassword, b: StoredPassword): StoredPassword {
  return costOf(b) > costOf(a) ? b : a;
}

const BUSY: Proof = {
  kind: 'refused',
  reason: 'busy',
  reply: problem(503, 'Too many passwords are being checked.', [['retry-after', '1']]),
};

const PLACE = headerPlace('authorization', 'Basic');

export const basic = defineAuthenticator({
  name: 'basic',
  summary: 'Authenticates users by name and password, of Consumers or an htpasswd file; 401.',
  reasons: ['malformed', 'unknownUser', 'password', 'busy'],
  schema,
  resolve,
  bind(config, env) {
    const users = usersOf(config, env);
    const memory = new ProofMemory();
    const running = new Map<string, Promise<Proof>>();
    const challenge = `Basic realm=${quoted(config.realm)}, charset="UTF-8"`;
    const missing = unauthorized('Missing user name and password', challenge);
    // Which of the two it was is for the operator alone.
    const nobody = refused('Wrong user name or password', challenge, 'unknownUser');
    const wrong = refused('Wrong user name or password', challenge, 'password');
    const malformed = refused('Malformed credentials', challenge, 'malformed');
    /** Checked for users that there are none of: as costly as the costliest that was seen. */
    let decoy = users.known.reduce(costlier, { kind: 'plain', text: memory.digest('decoy') });

    async function check({ user, password }: BasicCredentials): Promise<Proof> {
      const found = users.find(user);
      if (found !== null) decoy = costlier(decoy, found.stored);
      const same = await throughGate(() => isPassword(password, found?.stored ?? decoy));
      if (same === null) return BUSY;
      if (found === null) return nobody;
      if (!same) return wrong;
      const known = { user, schemes: ['basic'] };
      const { consumer } = found;
      return {
        kind: 'passed',
        identity: consumer === null ? identityOf(known) : consumerIdentity(consumer, known),
      };
    }

    /** One check at a time of what is the same. */
    function checkOnce(digest: string, credentials: BasicCredentials, nowMs: number): Promise<Proof> {
      const before = running.get(digest);
      if (before !== undefined) return before;
      const { version } = users;
      const proof = check(credentials)
        .then((settled) => {
          if (settled !== BUSY) memory.set(digest, settled, version, nowMs);
          return settled;
        })
        .finally(() => running.delete(digest));
      running.set(digest, proof);
      return proof;
    }

    return {
      authenticate(x) {
        const raw = PLACE.read(x);
        const encoded = raw === null ? null : PLACE.credentialIn(raw);
        if (encoded === null) return ABSENT;
        const digest = memory.digest(encoded);
        const known = memory.get(digest, users.version, x.startedAtMs);
        if (known !== null) return known;
        const credentials = readBasic(encoded);
        return credentials === null ? malformed : checkOnce(digest, credentials, x.startedAtMs);
      },
      missing: () => missing,
      ...(config.keep ? leavingPlaces([PLACE]) : { strip: ({ request }) => PLACE.strip(request) }),
    };
  },
});
