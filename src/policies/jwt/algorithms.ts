import {
  constants,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto';

/** RFC 7518 section 3.1, RFC 8037 and RFC 9864. `none` is not one of them. */
export const ALGORITHMS = [
  ...(['HS256', 'HS384', 'HS512'] as const),
  ...(['RS256', 'RS384', 'RS512'] as const),
  ...(['PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512'] as const),
  ...(['EdDSA', 'Ed25519'] as const),
] as const;
export type AlgorithmName = (typeof ALGORITHMS)[number];

/** What kind of key an algorithm takes; of the elliptic ones each has one curve. */
export type KeyFamily = 'oct' | 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519';

/** Checks a signature over bytes. False also for one that is no signature at all. */
export type Check = (key: KeyObject, signed: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>;

export interface Algorithm {
  readonly name: AlgorithmName;
  readonly family: KeyFamily;
  /** Bytes of the hash: an HMAC secret may not be shorter (RFC 7518 section 3.2). */
  readonly hashBytes: number;
  readonly check: Check;
}

function hmac(name: AlgorithmName, hash: string, hashBytes: number): Algorithm {
  const check: Check = (key, signed, signature) => {
    const expected = createHmac(hash, key).update(signed).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  };
  return { name, family: 'oct', hashBytes, check };
}

type Options = Omit<VerifyKeyObjectInput, 'key'>;
const PKCS1: Options = { padding: constants.RSA_PKCS1_PADDING };
const P1363: Options = { dsaEncoding: 'ieee-p1363' };
const pss = (saltLength: number): Options => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

/** In place: 30 µs with RSA, 90 with P-256, 140 with Ed25519; a turn through the thread pool costs as much. */
function inPlace(
  name: AlgorithmName,
  family: KeyFamily,
  hash: string | null,
  hashBytes: number,
  options: Options,
): Algorithm {
  const check: Check = (key, signed, signature) => {
    try {
      return verify(hash, signed, { key, ...options }, signature);
    } catch {
      // OpenSSL throws where a signature can't be one of this key.
      return false;
    }
  };
  return { name, family, hashBytes, check };
}

/** In the thread pool: with P-384 and P-521 a check takes 1 and 2 ms, in which the thread serves others. */
function inPool(name: AlgorithmName, family: KeyFamily, hash: string, hashBytes: number): Algorithm {
  const check: Check = (key, signed, signature) =>
    new Promise((resolve) => {
      verify(hash, signed, { key, ...P1363 }, signature, (error, good) => resolve(error === null && good));
    });
  return { name, family, hashBytes, check };
}

const TABLE: readonly Algorithm[] = [
  hmac('HS256', 'sha256', 32),
  hmac('HS384', 'sha384', 48),
  hmac('HS512', 'sha512', 64),
  inPlace('RS256', 'rsa', 'sha256', 32, PKCS1),
  inPlace('RS384', 'rsa', 'sha384', 48, PKCS1),
  inPlace('RS512', 'rsa', 'sha512', 64, PKCS1),
  // The salt is as long as the hash (RFC 7518 section 3.5).
  inPlace('PS256', 'rsa', 'sha256', 32, pss(32)),
  inPlace('PS384', 'rsa', 'sha384', 48, pss(48)),
  inPlace('PS512', 'rsa', 'sha512', 64, pss(64)),
  inPlace('ES256', 'P-256', 'sha256', 32, P1363),
  inPool('ES384', 'P-384', 'sha384', 48),
  inPool('ES512', 'P-521', 'sha512', 64),
  inPlace('EdDSA', 'Ed25519', null, 64, {}),
  inPlace('Ed25519', 'Ed25519', null, 64, {}),
];

const BY_NAME: ReadonlyMap<string, Algorithm> = new Map(
  TABLE.map((algorithm) => [algorithm.name, algorithm]),
);

/** Null for every name that is not exactly one of {@link ALGORITHMS}. */
export function algorithmOf(name: string): Algorithm | null {
  return BY_NAME.get(name) ?? null;
}

export function algorithmsOf(family: KeyFamily): readonly Algorithm[] {
  return TABLE.filter((algorithm) => algorithm.family === family);
}
