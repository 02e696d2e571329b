import fc from 'fast-check';
import { createLocalJWKSet, type JWTVerifyOptions, jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import { jwksKeys, secretKey, type VerificationKey } from './keys.ts';
import { base64url, familyOfAlgorithm, NOW_S, pairOf, SECRET, signatureOf, verifierOf } from './testing.ts';

/** Whatever the token: where jose refuses it, so do we. */

const FAMILIES = ['rsa', 'P-256', 'P-384', 'Ed25519'] as const;
const jwks = {
  keys: FAMILIES.map((family) => ({ ...pairOf(family).publicKey.export({ format: 'jwk' }), kid: family })),
};
const fetched = createLocalJWKSet(jwks as never);
const secret = Buffer.from(SECRET);
const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const;

const odd = fc.constantFrom<unknown>(
  ...[null, true, '', '0', 'x', -1, 0, 1.5, 1e308, NOW_S, NOW_S - 1, NOW_S + 1, NOW_S + 0.5, NOW_S + 100],
  ...[[], {}, ['a'], ['a', 1], { a: 1 }, String(NOW_S + 100)],
);
const sometimes = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const maybe = (usual: unknown) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: odd },
  );

const ALGS = ['HS256', 'HS512', 'RS256', 'RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'EdDSA', 'Ed25519'];
const header = fc.record({
  alg: fc.constantFrom(...ALGS),
  claimed: sometimes<unknown>(
    undefined,
    fc.constantFrom<unknown>('none', 'nOnE', null, 'HS256', 'RS256', 'ES256', 1),
  ),
  kid: sometimes<unknown>('own', fc.oneof(odd, fc.constantFrom<unknown>(...FAMILIES, undefined))),
  typ: maybe('at+jwt'),
  crit: sometimes<unknown>(
    undefined,
    fc.constantFrom<unknown>(['b64'], ['exp'], [], 'b64', ['b64', 'x'], null),
  ),
  b64: sometimes<unknown>(undefined, fc.constantFrom<unknown>(true, false, null)),
  jwk: sometimes<unknown>(undefined, fc.constant(jwks.keys[1])),
});
const claims = fc.record({
  sub: maybe('ann'),
  iss: maybe('https://a'),
  aud: maybe(['api', 'web']),
  exp: sometimes<unknown>(NOW_S + 60, odd),
  nbf: maybe(NOW_S - 60),
  iat: maybe(NOW_S - 30),
});
const rules = fc.record({
  issuers: fc.constantFrom<string[]>([], ['https://a'], ['https://b', 'https://a']),
  audiences: fc.constantFrom<string[]>([], [], ['api'], ['api'], ['other']),
  required: fc.constantFrom<string[]>([], [], ['exp'], ['exp', 'sub'], ['toString']),
  leeway: fc.constantFrom(0, 0, 1, 100),
  maxAge: fc.constantFrom(null, null, null, 10, 60),
  typ: fc.constantFrom(null, null, 'at+jwt'),
});
/** Applied to the text of the token. */
const mutation = fc.oneof(
  { weight: 6, arbitrary: fc.constant((token: string) => token) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(2000), fc.constantFrom('', 'A', '.', '=', '-', '+', ' ', '\u00e9'))
      .map(([at, put]) => (token: string) => {
        const i = at % token.length;
        return token.slice(0, i) + put + token.slice(i + 1);
      }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(3).map((kind) => (token: string) => {
      const [head, body, signature] = token.split('.') as [string, string, string];
      const forms = [`${head}.${body}.`, `${head}.${body}`, `${head}..${signature}`, `${token}.${signature}`];
      return forms[kind]!;
    }),
  },
);

type Made = typeof header extends fc.Arbitrary<infer H> ? H : never;

function tokenOf({ alg, claimed, kid, ...rest }: Made, body: object): string {
  const family = familyOfAlgorithm(alg);
  const isSecret = alg.startsWith('HS');
  const ownKid = isSecret ? undefined : family;
  const head = { alg: claimed === undefined ? alg : claimed, kid: kid === 'own' ? ownKid : kid, ...rest };
  const signed = `${base64url(head)}.${base64url(body)}`;
  const key = isSecret ? SECRET : pairOf(family).privateKey;
  return `${signed}.${signatureOf(alg, signed, key).toString('base64url')}`;
}

test('where jose refuses a token, so do we; and most of what it takes, we take', async () => {
  let taken = 0;
  let joseTook = 0;
  const keys: readonly VerificationKey[] = [
    secretKey(secret, secretAlgorithms, undefined),
    ...jwksKeys(jwks, null),
  ];
  await fc.assert(
    fc.asyncProperty(header, claims, rules, mutation, async (head, body, rule, mutate) => {
      const token = mutate(tokenOf(head, body));
      const ours = await verifierOf(keys, rule).verify(token);
      const options: JWTVerifyOptions = {
        currentDate: new Date(NOW_S * 1000),
        clockTolerance: rule.leeway,
        requiredClaims: rule.required,
        ...(rule.issuers.length > 0 && { issuer: rule.issuers }),
        ...(rule.audiences.length > 0 && { audience: rule.audiences }),
        ...(rule.maxAge !== null && { maxTokenAge: rule.maxAge }),
        ...(rule.typ !== null && { typ: rule.typ }),
      };
      const theirs = await jwtVerify(token, secret, { ...options, algorithms: [...secretAlgorithms] })
        .catch(() => jwtVerify(token, fetched, options))
        .catch(() => null);
      if (theirs !== null) joseTook++;
      if (ours.kind !== 'valid') return;
      taken++;
      expect(theirs).not.toBeNull();
      expect({ ...ours.claims }).toEqual(theirs!.payload);
    }),
    { numRuns: 1500 },
  );
  // Neither all nor nothing: else this would say little.
  expect(taken).toBeGreaterThan(100);
  expect(taken / joseTook).toBeGreaterThan(0.7);
});
