import { hash } from 'node:crypto';
import { SharedRegistry } from '../../lib/shared-registry.ts';
import { CacheSpace, SpacedCache } from '../../lib/spaced-cache.ts';
import { outboundClient } from '../../outbound/client.ts';
import { KeptDocument } from '../../outbound/kept-document.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { type JwtConfig, type KeyIr, keyOfSecret } from './config.ts';
import { FetchedSource, fixedSource, type KeySource } from './key-source.ts';
import { jwksKeys, pemKey, type VerificationKey } from './keys.ts';
import type { KnownToken } from './known-token.ts';
import { UserDirectory } from './users.ts';
import { TokenVerifier } from './verifier.ts';

/** For tokens that were seen before, of all rules of a thread: ten thousand of a usual size. */
const SPACE = new CacheSpace(64 * 1024 * 1024);
const MAX_JWKS_BYTES = 512 * 1024;
const MIN_AGE_MS = 60_000;
const MAX_AGE_MS = 24 * 3_600_000;
const DEFAULT_AGE_MS = 600_000;

/** What rules with equal configurations share in a thread. */
export class JwtCore {
  readonly verifier: TokenVerifier;
  /** By what stood in the request, scheme included. */
  readonly known = new SpacedCache<KnownToken>(SPACE);
  readonly users: UserDirectory | null;
  /** Grows with every change of keys: a check that began before it says nothing of what is good now. */
  generation = 0;
  readonly #sources: readonly KeySource[];

  constructor(config: JwtConfig, env: PolicyEnv) {
    const { keyClaimName, rules } = config;
    const sources: KeySource[] = [];
    this.#sources = sources;
    try {
      for (const [i, key] of config.keys.entries()) sources.push(openSource(key, i, config, env));
      this.users = config.user === null ? null : new UserDirectory(config.user, env);
    } catch (error) {
      for (const source of sources) source.close();
      this.known.close();
      throw error;
    }
    // A key that is gone takes its tokens with it.
    const onChange = () => {
      this.generation += 1;
      this.known.clear();
    };
    for (const source of sources) source.onChange(onChange);
    this.verifier = new TokenVerifier({ sources, keyClaimName, rules, now: Date.now });
  }

  close(): void {
    for (const source of this.#sources) source.close();
    this.known.close();
    this.users?.close();
  }
}

const cores = new SharedRegistry<JwtCore>();
const documents = new SharedRegistry<KeptDocument<readonly VerificationKey[]>>();

/** @throws Error when a key can't be used */
export function takeCore(config: JwtConfig, env: PolicyEnv) {
  const named = [
    ...config.keys.map((key) => (key.kind === 'secret' ? key.secret : null)),
    config.user?.secret ?? null,
  ];
  const secrets = named.map((name) => (name === null ? null : hash('sha256', env.secret(name))));
  return cores.take(JSON.stringify([config, secrets]), () => new JwtCore(config, env));
}

function openSource(key: KeyIr, index: number, { keyClaimName }: JwtConfig, env: PolicyEnv): KeySource {
  // Where a claim chooses the entry, its key fits every `kid`.
  const kid = keyClaimName === null ? (key.id ?? undefined) : undefined;
  try {
    switch (key.kind) {
      case 'secret':
        if (key.secret === null) throw new Error('the secret is not there');
        return fixedSource(key, [keyOfSecret(env.secret(key.secret), key, kid)]);
      case 'pem':
        return fixedSource(key, [pemKey(key.pem, key.algorithms, kid)]);
      case 'jwks':
        return fixedSource(key, jwksKeys(JSON.parse(key.jwks), key.algorithms));
      case 'url':
        return new FetchedSource(key, takeDocument(key, env));
    }
  } catch (error) {
    throw new Error(`keys[${index}]: ${(error as Error).message}`);
  }
}

function takeDocument(key: KeyIr & { readonly kind: 'url' }, env: PolicyEnv) {
  const { url, timeoutMs, algorithms } = key;
  return documents.take(JSON.stringify([url, timeoutMs, algorithms]), () => {
    return new KeptDocument({
      client: outboundClient(env.outbound),
      url: new URL(url),
      timeoutMs,
      maxBytes: MAX_JWKS_BYTES,
      ...{ minAgeMs: MIN_AGE_MS, maxAgeMs: MAX_AGE_MS, defaultAgeMs: DEFAULT_AGE_MS },
      parse: (body) => usableKeys(body, algorithms),
      log: (level, message) => env.log(level, `jwt: keys of ${message}`),
    });
  });
}

/** @throws Error also for a set without a key for us: the last good one stays */
function usableKeys(body: Buffer, algorithms: KeyIr['algorithms']): readonly VerificationKey[] {
  const keys = jwksKeys(JSON.parse(body.toString('utf8')), algorithms);
  if (keys.length === 0) throw new Error('has no key that can check signatures');
  return keys;
}
