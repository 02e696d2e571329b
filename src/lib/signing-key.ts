import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto';

/** RFC 9421 section 3.3. */
export const ALGORITHMS = [
  'hmac-sha256',
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
  'rsa-v1_5-sha256',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Tells whether `signature` over `base` was made with the key. */
export type Verifier = (base: Buffer, signature: Buffer) => boolean;

/** Shorter than that, a shared secret can be guessed from one signed message. */
const MIN_SECRET_BYTES = 16;
const MIN_RSA_BITS = 2048;

/**
 * @param material a shared secret, byte for byte; or a public key as PEM (SPKI, PKCS #1, certificate) or JWK
 * @throws Error that says what is wrong with the key, without its text.
 */
export function createVerifier(algorithm: Algorithm, material: Buffer): Verifier {
  if (algorithm === 'hmac-sha256') return hmacVerifier(material);
  const key = publicKey(material);
  switch (algorithm) {
    case 'ed25519':
      requireType(key, algorithm, 'ed25519');
      return (base, signature) => verify(null, base, key, signature);
    case 'ecdsa-p256-sha256':
      return ecdsaVerifier(key, algorithm, 'prime256v1', 'sha256');
    case 'ecdsa-p384-sha384':
      return ecdsaVerifier(key, algorithm, 'secp384r1', 'sha384');
    case 'rsa-pss-sha512':
      requireType(key, algorithm, 'rsa', 'rsa-pss');
      return rsaVerifier(key, 'sha512', {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: 64,
      });
    case 'rsa-v1_5-sha256':
      requireType(key, algorithm, 'rsa');
      return rsaVerifier(key, 'sha256', { padding: constants.RSA_PKCS1_PADDING });
  }
}

/** How a shared secret is written. */
export type SecretEncoding = 'text' | 'base64';

/** Bytes of a key as it is written. */
export function signingKeyBytes(written: string, algorithm: Algorithm, encoding: SecretEncoding): Buffer {
  if (algorithm !== 'hmac-sha256') return Buffer.from(written);
  // A line feed at the end is the editor's, not the secret's.
  return encoding === 'base64'
    ? Buffer.from(written.trim(), 'base64')
    : Buffer.from(written.replace(/\r?\n$/, ''));
}

/** Null, or what is wrong with a key, without its text. */
export function signingKeyProblem(
  algorithm: Algorithm,
  written: string,
  encoding: SecretEncoding,
): string | null {
  try {
    createVerifier(algorithm, signingKeyBytes(written, algorithm, encoding));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The shared secret of somebody who signs as Kong's `hmac-auth` does. */
export function hmacKey(written: string): KeyObject {
  return createSecretKey(Buffer.from(written.replace(/\r?\n$/, '')));
}

/** Null, or what is wrong with such a secret, without its text. */
export function hmacSecretProblem(written: string): string | null {
  const { length } = written.replace(/\r?\n$/, '');
  return length < MIN_SECRET_BYTES
    ? `the secret has ${length} characters; it needs ${MIN_SECRET_BYTES} or more`
    : null;
}

function hmacVerifier(secret: Buffer): Verifier {
  if (secret.length < MIN_SECRET_BYTES) {
    throw new Error(`the shared secret has ${secret.length} bytes; it needs ${MIN_SECRET_BYTES} or more`);
  }
  const key = createSecretKey(secret);
  return (base, signature) => {
    const expected = createHmac('sha256', key).update(base).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  };
}

function publicKey(material: Buffer): KeyObject {
  const text = material.toString('latin1').trim();
  if (text.includes('PRIVATE KEY')) throw new Error('it is a private key; give the gateway the public one');
  try {
    return text.startsWith('{')
      ? createPublicKey({ key: JSON.parse(text), format: 'jwk' })
      : createPublicKey(text);
  } catch {
    // The reason may quote the key.
    throw new Error('it is no public key: write PEM or a JWK');
  }
}

function requireType(key: KeyObject, algorithm: Algorithm, ...types: readonly string[]): void {
  const type = key.asymmetricKeyType ?? 'unknown';
  if (!types.includes(type)) throw new Error(`it is a key of type ${type}, which does not fit ${algorithm}`);
}

/** Signatures are r and s side by side (section 3.3.4), not DER. */
function ecdsaVerifier(key: KeyObject, algorithm: Algorithm, curve: string, hash: string): Verifier {
  requireType(key, algorithm, 'ec');
  const has = key.asymmetricKeyDetails?.namedCurve;
  if (has !== curve) throw new Error(`its curve is ${has}, which does not fit ${algorithm}`);
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return (base, signature) => verify(hash, base, options, signature);
}

function rsaVerifier(
  key: KeyObject,
  hash: string,
  how: { readonly padding: number; readonly saltLength?: number },
): Verifier {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS) throw new Error(`its RSA key has ${bits} bits; it needs ${MIN_RSA_BITS} or more`);
  const options = { key, ...how };
  return (base, signature) => verify(hash, base, options, signature);
}
