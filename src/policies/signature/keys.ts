import { createVerifier, signingKeyBytes } from '../../lib/signing-key.ts';
import { consumerIdentity, keptReady } from '../../pipeline/consumers.ts';
import { type Identity, identityOf } from '../../pipeline/identity.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import type { ResolvedKey, SignatureConfig } from './config.ts';
import type { SignatureKey } from './verify.ts';

type KeyFinder = (keyId: string) => SignatureKey<Identity> | undefined;

/** @throws Error when a key can't be used */
export function bindKeys({ keys, namespace }: SignatureConfig, env: PolicyEnv): KeyFinder {
  if (keys === null) return keysOfConsumers(namespace, env);
  const bound = new Map(keys.map((key) => [key.id, bindKey(key, env)]));
  return (keyId) => bound.get(keyId);
}

function bindKey(
  { id, user, algorithm, encoding, material }: ResolvedKey,
  env: PolicyEnv,
): SignatureKey<Identity> {
  if (material === null) throw new Error(`the Secret of key ${id} is not there`);
  const written = 'publicKey' in material ? material.publicKey : env.secret(material);
  return {
    algorithm,
    verify: createVerifier(algorithm, signingKeyBytes(written, algorithm, encoding)),
    owner: identityOf({ user, schemes: ['signature'] }),
  };
}

function keysOfConsumers(namespace: string, env: PolicyEnv): KeyFinder {
  const consumers = env.consumers(namespace);
  const find = keptReady(consumers, (keyId): SignatureKey<Identity> | null => {
    const found = consumers.bySigningKey(keyId);
    if (found === null) return null;
    const { consumer, key, written } = found;
    return {
      algorithm: key.algorithm,
      verify: createVerifier(key.algorithm, signingKeyBytes(written, key.algorithm, key.encoding)),
      owner: consumerIdentity(consumer, { user: keyId, schemes: ['signature'] }),
    };
  });
  return (keyId) => find(keyId) ?? undefined;
}
