import type { Limit, LimitScope } from '../lib/limit-schema.ts';
import type { Algorithm, SecretEncoding } from '../lib/signing-key.ts';
import type { Origin } from './origin.ts';
import type { PolicyRef } from './route.ts';
import type { SecretName } from './secret.ts';

/** Limits that a Consumer has in place of the route's. */
export interface ConsumerLimits extends LimitScope {
  /** Of their buckets: `namespace/name` of the RateLimitPolicy. */
  readonly id: string;
  readonly limits: readonly Limit[];
}

export interface ConsumerPolicies {
  /** Equal for equal policies, wherever they are written. */
  readonly id: string;
  readonly refs: readonly PolicyRef[];
  /** Why all requests of the Consumer are refused: a policy could not be built. null: they are not. */
  readonly closed: { readonly origin: Origin; readonly message: string } | null;
}

/** What a bearer token says of a Consumer. */
export interface ConsumerClaim {
  readonly claim: string;
  readonly equals: string;
}

/** A user name, and where its password, the hash of that, or the secret with which it signs is. */
export interface ConsumerPassword extends SecretName {
  readonly user: string;
}

/** A key for HTTP Message Signatures, and how it is written. */
export interface ConsumerSigningKey {
  readonly keyId: string;
  readonly algorithm: Algorithm;
  readonly encoding: SecretEncoding;
  readonly material: SecretName | { readonly publicKey: string };
}

/**
 * A client that the gateway knows, with the credentials that are its alone. Threads find it by them; it is part of no route. Print
 * neither it nor its keys: the hash of a weak one gives it away.
 */
export interface ConsumerIr {
  /** `Consumer/namespace/name` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  /** SHA-256 of each, base64url. */
  readonly apiKeys: readonly string[];
  readonly passwords: readonly ConsumerPassword[];
  /** Names under which it signs with a shared secret, and where that is. */
  readonly signers: readonly ConsumerPassword[];
  readonly signingKeys: readonly ConsumerSigningKey[];
  readonly claims: readonly ConsumerClaim[];
  /** Distinguished names of client certificates. */
  readonly certificates: readonly string[];
  /** null: those of the route. */
  readonly rateLimit: ConsumerLimits | null;
  /** They run for its requests, beside those of the route. null: none. */
  readonly policies: ConsumerPolicies | null;
}
