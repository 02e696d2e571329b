import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { ED25519_PRIVATE, ED25519_PUBLIC, KEYS, P256_PUBLIC } from '../policies/signature/testing.ts';
import { createVerifier } from './signing-key.ts';

test.each([
  ['hmac-sha256', 'too short', 'it needs 16 or more'],
  ['ed25519', 'nonsense', 'no public key'],
  ['ed25519', ED25519_PRIVATE, 'private key'],
  ['ed25519', P256_PUBLIC, 'type ec'],
  ['ecdsa-p384-sha384', P256_PUBLIC, 'curve is prime256v1'],
  ['rsa-v1_5-sha256', ED25519_PUBLIC, 'type ed25519'],
  ['hmac-sha256', '', 'it needs 16 or more'],
] as const)('a key for %s: %s', (algorithm, material, message_) => {
  expect(() => createVerifier(algorithm, Buffer.from(material))).toThrow(message_);
});

test('a small RSA key', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  expect(() => createVerifier('rsa-pss-sha512', Buffer.from(pem))).toThrow('1024 bits');
});

test('a public key is no shared secret for another algorithm', () => {
  const forged = createHmac('sha256', ED25519_PUBLIC).update('base').digest();
  expect(KEYS.get('test-key-ed25519')!.verify(Buffer.from('base'), forged)).toBe(false);
});

test.each(['ecdsa-p256-sha256', 'ecdsa-p384-sha384'] as const)('%s with r = s = 0, or DER', (algorithm) => {
  const namedCurve = algorithm === 'ecdsa-p256-sha256' ? 'P-256' : 'P-384';
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const verifier = createVerifier(
    algorithm,
    Buffer.from(JSON.stringify(publicKey.export({ format: 'jwk' }))),
  );
  const base = Buffer.from('base');
  const hash = algorithm.slice(-6);
  const bytes = namedCurve === 'P-256' ? 64 : 96;
  expect(verifier(base, sign(hash, base, { key: privateKey, dsaEncoding: 'ieee-p1363' }))).toBe(true);
  expect(verifier(base, sign(hash, base, privateKey))).toBe(false);
  expect(verifier(base, Buffer.alloc(bytes))).toBe(false);
  expect(verifier(base, Buffer.alloc(0))).toBe(false);
});
