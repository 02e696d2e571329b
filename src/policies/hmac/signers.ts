import type { KeyObject } from 'node:crypto';
import type { SecretName } from '../../ir/secret.ts';
import { hmacKey } from '../../lib/signing-key.ts';
import { consumerIdentity, keptReady } from '../../pipeline/consumers.ts';
import { type Identity, identityOf } from '../../pipeline/identity.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';

export interface SignersConfig {
  /** Null: the Consumers of `namespace`. */
  readonly users: readonly { readonly username: string; readonly secret: SecretName | null }[] | null;
  readonly namespace: string;
}

/** Somebody who may sign. */
export interface Signer {
  readonly key: KeyObject;
  readonly identity: Identity;
}

/** Finds who signs by the name; null: nobody. @throws Error when a Secret is not there */
export function bindSigners(
  { users, namespace }: SignersConfig,
  env: PolicyEnv,
): (user: string) => Signer | null {
  if (users === null) return signersOfConsumers(namespace, env);
  const signers = new Map<string, Signer>();
  for (const { username, secret } of users) {
    if (secret === null) throw new Error(`the Secret of ${username} is not there`);
    const identity = identityOf({ user: username, schemes: ['hmac'] });
    signers.set(username, { key: hmacKey(env.secret(secret)), identity });
  }
  return (user) => signers.get(user) ?? null;
}

function signersOfConsumers(namespace: string, env: PolicyEnv): (user: string) => Signer | null {
  const consumers = env.consumers(namespace);
  return keptReady(consumers, (user) => {
    const found = consumers.byHmacUser(user);
    if (found === null) return null;
    const identity = consumerIdentity(found.consumer, { user, schemes: ['hmac'] });
    return { key: hmacKey(found.secret), identity };
  });
}
