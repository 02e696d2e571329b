import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import {
  type Algorithm,
  type AlgorithmName,
  algorithmOf,
  algorithmsOf,
  type KeyFamily,
} from './algorithms.ts';

/** A key that may have signed a token, and by which algorithms only: the token does not choose. */
export interface VerificationKey {
  /** `kid` of the tokens that it is for: null fits those without one; undefined, every token. */
  readonly kid: string | null | undefined;
  readonly algorithms: readonly Algorithm[];
  readonly key: KeyObject;
}

const MIN_RSA_BITS = 2048;
/** Checking takes time with the square of it: 8192 bits take half a millisecond. */
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT = 2n ** 32n;
/** More keys than any provider has. */
const MAX_KEYS = 100;

/**
 * @param secret bytes of an HMAC secret
 * @throws Error when it is shorter than the hash; the message does not hold it
 */
export function secretKey(
  secret: Uint8Array,
  algorithms: readonly AlgorithmName[],
  kid: string | undefined,
): VerificationKey {
  const known = algorithms.map(knownAlgorithm);
  const needed = Math.max(...known.map(({ hashBytes }) => hashBytes));
  if (secret.length < needed) {
    const longest = known.find(({ hashBytes }) => hashBytes === needed)?.name;
    throw new Error(`has ${secret.length} bytes, ${longest} needs at least ${needed} (RFC 7518 section 3.2)`);
  }
  return { kid, algorithms: known, key: createSecretKey(secret) };
}

/**
 * @param algorithms null: those that this kind of key has, of which RSA has several: it must say
 * @throws Error when it is no public key or certificate in PEM, or one that may not be used
 */
export function pemKey(
  pem: string,
  algorithms: readonly AlgorithmName[] | null,
  kid: string | undefined,
): VerificationKey {
  if (pem.includes('PRIVATE KEY-----')) throw new Error('is a private key; only the public key belongs here');
  if (pem.split('-----BEGIN ').length !== 2)
    throw new Error('must hold exactly one public key or certificate in PEM');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error('is no public key or certificate in PEM');
  }
  const family = familyOf(key);
  if (algorithms === null && family === 'rsa')
    throw new Error(
      'has an RSA key, which needs algorithms such as [RS256]: it does not say itself what it is for',
    );
  return { kid, algorithms: ofFamily(family, algorithms), key };
}

/**
 * The keys of a JWK Set (RFC 7517) that can check signatures. Others in it, and those that we can't read, are left out:
 * a provider may add kinds of keys that we don't know.
 * @param algorithms null: what the key's `alg` says, else all of its kind
 * @throws Error when it is no JWK Set
 */
export function jwksKeys(
  set: unknown,
  algorithms: readonly AlgorithmName[] | null,
): readonly VerificationKey[] {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null;
  if (!Array.isArray(keys))
    throw new Error('is no JWK Set: an object with an array "keys" (RFC 7517 section 5)');
  return keys.slice(0, MAX_KEYS).flatMap((jwk: unknown) => jwkKey(jwk, algorithms) ?? []);
}

function jwkKey(jwk: unknown, algorithms: readonly AlgorithmName[] | null): VerificationKey | null {
  if (typeof jwk !== 'object' || jwk === null) return null;
  const { kid = null, alg, use, key_ops: operations, d, k } = jwk as Readonly<Record<string, unknown>>;
  // A set holds public keys: a secret or private key that stands in one is no longer any.
  if (d !== undefined || k !== undefined) return null;
  if (use !== undefined && use !== 'sig') return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null;
  if (kid !== null && typeof kid !== 'string') return null;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const allowed = ofFamily(familyOf(key), algorithms);
    const pinned = alg === undefined ? allowed : allowed.filter(({ name }) => name === alg);
    return pinned.length === 0 ? null : { kid, algorithms: pinned, key };
  } catch {
    return null;
  }
}

/** @throws Error when none of the algorithms fits */
function ofFamily(family: KeyFamily, algorithms: readonly AlgorithmName[] | null): readonly Algorithm[] {
  const fitting = algorithmsOf(family);
  const allowed = algorithms === null ? fitting : fitting.filter(({ name }) => algorithms.includes(name));
  if (allowed.length > 0) return allowed;
  throw new Error(
    `has a key of the kind ${family}, which takes ${fitting.map(({ name }) => name).join(', ')} only`,
  );
}

/** @throws Error for a key that nobody should believe */
function familyOf(key: KeyObject): KeyFamily {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === 'rsa') {
    const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details;
    if (bits < MIN_RSA_BITS) throw new Error(`has an RSA key of ${bits} bits, ${MIN_RSA_BITS} is the least`);
    if (bits > MAX_RSA_BITS) throw new Error(`has an RSA key of ${bits} bits, ${MAX_RSA_BITS} is the most`);
    if (exponent < 3n || exponent % 2n === 0n || exponent > MAX_RSA_EXPONENT)
      throw new Error(`has an RSA key with the exponent ${exponent}, which is none`);
    return 'rsa';
  }
  if (type === 'ed25519') return 'Ed25519';
  const curve = CURVES.get(details.namedCurve ?? '');
  if (type === 'ec' && curve !== undefined) return curve;
  throw new Error(`has a key of the kind ${details.namedCurve ?? type}, which is not taken`);
}

const CURVES: ReadonlyMap<string, KeyFamily> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
]);

function knownAlgorithm(name: AlgorithmName): Algorithm {
  const algorithm = algorithmOf(name);
  if (algorithm === null) throw new Error(`there is no algorithm ${name}`);
  return algorithm;
}
