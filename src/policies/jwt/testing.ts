import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { fixedSource } from './key-source.ts';
import type { VerificationKey } from './keys.ts';
import { TokenVerifier, type VerifierOptions } from './verifier.ts';

/** Tokens for tests, made by hand: a library would not make the bad ones. */

export const NOW_S = 1_800_000_000;
export const SECRET = 'a secret of the tests that is long enough for HS512, 64 bytes or more';

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** One pair of keys a family, made on first use. */
const pairs = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>();
export function pairOf(family: 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519') {
  let pair = pairs.get(family);
  if (pair === undefined) {
    pair =
      family === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : family === 'Ed25519'
          ? generateKeyPairSync('ed25519')
          : generateKeyPairSync('ec', { namedCurve: family });
    pairs.set(family, pair);
  }
  return pair;
}

export function familyOfAlgorithm(alg: string) {
  if (alg.startsWith('ES')) return ({ ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const)[alg]!;
  return alg.startsWith('Ed') ? 'Ed25519' : 'rsa';
}

/** The signature that belongs there. */
export function signatureOf(alg: string, signed: string, key: KeyObject | string): Buffer {
  const hash = `sha${alg.slice(2)}`;
  const data = Buffer.from(signed);
  if (alg.startsWith('HS')) {
    const secret = typeof key === 'string' ? createSecretKey(Buffer.from(key)) : key;
    return createHmac(hash, secret).update(data).digest();
  }
  const privateKey = key as KeyObject;
  if (alg.startsWith('Ed')) return sign(null, data, privateKey);
  if (alg.startsWith('ES')) return sign(hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const salt = Number(alg.slice(2)) / 8;
  return sign(hash, data, {
    key: privateKey,
    ...(alg.startsWith('PS') ? { padding: 6, saltLength: salt } : { padding: 1 }),
  });
}

export interface TokenParts {
  readonly header?: Readonly<Record<string, unknown>> | string;
  readonly claims?: Readonly<Record<string, unknown>> | string;
  readonly key?: KeyObject | string;
  /** Algorithm of the signature, where the header says another one. */
  readonly by?: string;
}

/** A good HS256 token, but for what is given. */
export function tokenOf({ header = {}, claims = {}, key, by }: TokenParts = {}): string {
  const whole = typeof header === 'string' ? header : { alg: 'HS256', ...header };
  const alg = by ?? (typeof whole === 'string' ? 'HS256' : String(whole.alg));
  const body = typeof claims === 'string' ? claims : { sub: 'ann', exp: NOW_S + 300, ...claims };
  const signed = `${base64url(whole)}.${base64url(body)}`;
  const signer = key ?? (alg.startsWith('HS') ? SECRET : pairOf(familyOfAlgorithm(alg)).privateKey);
  return `${signed}.${signatureOf(alg, signed, signer).toString('base64url')}`;
}

export const NO_RULES = {
  issuers: [],
  audiences: [],
  required: [],
  leeway: 0,
  maxAge: null,
  typ: null,
} as const;

export function verifierOf(
  keys: readonly VerificationKey[],
  rules: Partial<VerifierOptions['rules']> = {},
  more: Partial<VerifierOptions> = {},
): TokenVerifier {
  return new TokenVerifier({
    sources: [fixedSource({ id: null, issuer: null }, keys)],
    keyClaimName: null,
    rules: { ...NO_RULES, ...rules },
    now: () => NOW_S * 1000,
    ...more,
  });
}
