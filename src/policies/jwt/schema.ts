import { type Static, Type } from 'typebox';
import { claimName, claimNames } from '../../lib/claim-schema.ts';
import { realm, requestHeaderName } from '../../lib/header-schema.ts';
import { choice, duration, exactlyOneOf, fields, list, refined, secretRef, text } from '../../lib/schema.ts';
import { tokenPlaces } from '../../lib/token-place-schema.ts';
import { ALGORITHMS, algorithmOf } from './algorithms.ts';
import { jwksKeys, pemKey } from './keys.ts';
import { userLookup } from './user-schema.ts';

const key = exactlyOneOf(
  ['secretRef', 'pem', 'jwks', 'jwksUrl'],
  {
    id: Type.Optional(
      text('Tokens name it: by `kid`, or by what `keyClaimName` says.', { minLength: 1, maxLength: 1024 }),
    ),
    issuer: Type.Optional(
      text('The only `iss` of tokens that this key may have signed.', { minLength: 1, maxLength: 1024 }),
    ),
    algorithms: Type.Optional(
      list(
        choice(ALGORITHMS, 'As in `alg`.'),
        'The only ones that tokens of this key may use. Default: HS256 for a secret; else what `alg` of the JWK says, or every one of its kind. An RSA key in PEM must say.',
        { minItems: 1, maxItems: ALGORITHMS.length },
      ),
    ),
    secretRef: Type.Optional(
      secretRef('secret', 'A shared secret (HMAC); with other algorithms a public key in PEM.'),
    ),
    encoding: choice(['plain', 'base64'], 'How the shared secret is written; base64 also as base64url.', {
      default: 'plain',
    }),
    pem: Type.Optional(text('A public key or certificate in PEM.', { minLength: 1, maxLength: 16_384 })),
    jwks: Type.Optional(
      text('A JWK Set (RFC 7517) of public keys, as JSON.', { minLength: 2, maxLength: 65_536 }),
    ),
    jwksUrl: Type.Optional(
      text(
        'Where the provider has its JWK Set; it is fetched again in time, and for a `kid` that is not known.',
        {
          minLength: 1,
          maxLength: 2048,
          pattern: '^https?://[^\\s#@]+$',
          'x-hint': 'write an http or https URL without user and fragment',
        },
      ),
    ),
    timeout: duration('What one fetch of `jwksUrl` may take.', '2s'),
  },
  'Where keys come from: exactly one of secretRef, pem, jwks, jwksUrl.',
);

export type KeyConfig = Static<typeof key>;

/** What only code can tell: keys that nobody could check a token with are refused where they are written. */
function keyProblem({ secretRef: secret, pem, jwks, jwksUrl, ...key }: KeyConfig): string | null {
  const algorithms = key.algorithms ?? null;
  const families = new Set((algorithms ?? []).map((name) => algorithmOf(name)?.family === 'oct'));
  if (families.size > 1) return 'algorithms mixes HMAC with others: a public key would be a secret';
  if (secret === undefined && families.has(true))
    return 'HMAC needs secretRef: what stands in pem, jwks or jwksUrl is public';
  if (jwksUrl !== undefined) return URL.canParse(jwksUrl) ? null : 'jwksUrl is no URL';
  try {
    if (pem !== undefined) pemKey(pem, algorithms, undefined);
    if (jwks !== undefined && jwksKeys(JSON.parse(jwks), algorithms).length === 0)
      return 'jwks has no public key that can check signatures';
    return null;
  } catch (error) {
    return `${pem === undefined ? 'jwks' : 'pem'}: ${(error as Error).message}`;
  }
}

const claimHeader = fields(
  {
    claim: claimName('The claim.'),
    header: requestHeaderName('The header; what clients send in it is removed.'),
  },
  'A claim that the backend gets as a header.',
);

const texts = (item: string, description: string) =>
  list(text(item, { minLength: 1, maxLength: 1024 }), description, { maxItems: 64, default: [] });

export const jwtSchema = fields(
  {
    keys: list(refined(key, keyProblem), 'The keys that may have signed a token.', {
      minItems: 1,
      maxItems: 32,
    }),
    keyClaimName: Type.Optional(
      text('Claim or header of the token that says by `id` which entry of `keys` it is for, such as `iss`.', {
        minLength: 1,
        maxLength: 256,
      }),
    ),
    from: tokenPlaces(),
    issuers: texts('An `iss`.', 'Who may have issued a token; none: anyone who has the key.'),
    audiences: texts('An `aud`.', 'For whom a token must be, one of these; none: for anyone.'),
    claimsToVerify: list(
      text('Name of a claim.', { minLength: 1, maxLength: 256 }),
      'Claims that must be there. `exp` and `nbf` are judged wherever they are, `iat` with `maxAge`.',
      { maxItems: 32, default: ['exp'] },
    ),
    leeway: duration('How much clocks may differ.', '0s'),
    maxAge: Type.Optional(duration('Oldest token that is taken, by its `iat`.')),
    typ: Type.Optional(
      text('The only `typ` in the header that is taken, such as `at+jwt` (RFC 9068).', {
        minLength: 1,
        maxLength: 128,
      }),
    ),
    forward: Type.Boolean({ description: 'Whether the backend gets the token, too.', default: true }),
    claimsToHeaders: list(claimHeader, 'Claims that the backend gets as headers.', {
      maxItems: 32,
      default: [],
    }),
    roles: claimNames('Claims whose texts become the roles.', ['roles']),
    permissions: claimNames('Claims whose texts become the permissions.', ['permissions', 'scope']),
    groups: claimNames('Claims whose texts become the groups.', ['groups']),
    user: Type.Optional(userLookup),
    realm: Type.Optional(realm('`realm` of the challenge in WWW-Authenticate.')),
  },
  'Who has a good token (JWT) may come in.',
);

export type JwtSchema = Static<typeof jwtSchema>;
