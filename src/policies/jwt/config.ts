import type { SecretName } from '../../ir/secret.ts';
import { parseDuration } from '../../lib/duration.ts';
import { type ClaimRules, mediaType } from '../../lib/token-claims.ts';
import type { TokenPlaceConfig } from '../../lib/token-place-schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import type { AlgorithmName } from './algorithms.ts';
import { pemKey, secretKey } from './keys.ts';
import type { JwtSchema, KeyConfig } from './schema.ts';
import { resolveUserLookup, type UserLookupIr } from './users.ts';

/** The configuration as it stands in the IR. */
export interface JwtConfig {
  readonly keys: readonly KeyIr[];
  readonly keyClaimName: string | null;
  readonly from: readonly TokenPlaceConfig[];
  readonly rules: ClaimRules;
  readonly forward: boolean;
  readonly claimsToHeaders: JwtSchema['claimsToHeaders'];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
  readonly realm: string | null;
  readonly user: UserLookupIr | null;
}

export type KeyIr = {
  readonly id: string | null;
  readonly issuer: string | null;
  readonly algorithms: readonly AlgorithmName[] | null;
} & (
  | { readonly kind: 'secret'; readonly secret: SecretName | null; readonly encoding: 'plain' | 'base64' }
  | { readonly kind: 'pem'; readonly pem: string }
  | { readonly kind: 'jwks'; readonly jwks: string }
  | { readonly kind: 'url'; readonly url: string; readonly timeoutMs: number }
);

export function resolveJwt(config: JwtSchema, context: ResolveContext): JwtConfig {
  const { from, forward, claimsToHeaders, roles, permissions, groups } = config;
  const { user } = config;
  const bearer = user?.secretRef === undefined ? null : context.secret(user.secretRef, 'user.secretRef');
  return {
    ...{ from, forward, claimsToHeaders, roles, permissions, groups },
    keys: config.keys.map((key, i) => resolveKey(key, `keys[${i}]`, context)),
    keyClaimName: config.keyClaimName ?? null,
    realm: config.realm ?? null,
    user: user === undefined ? null : resolveUserLookup(user, bearer),
    rules: {
      issuers: config.issuers,
      audiences: config.audiences,
      required: config.claimsToVerify,
      leeway: parseDuration(config.leeway) / 1000,
      maxAge: config.maxAge === undefined ? null : parseDuration(config.maxAge) / 1000,
      typ: mediaType(config.typ ?? null),
    },
  };
}

function resolveKey(key: KeyConfig, at: string, context: ResolveContext): KeyIr {
  const { secretRef, pem, jwks, jwksUrl, timeout, encoding } = key;
  const common = { id: key.id ?? null, issuer: key.issuer ?? null, algorithms: key.algorithms ?? null };
  if (secretRef !== undefined) {
    const algorithms = key.algorithms ?? ['HS256' as const];
    const whole = { ...common, algorithms, kind: 'secret' as const, encoding };
    const check = (text: string) => secretProblem(text, whole);
    return { ...whole, secret: context.secret(secretRef, `${at}.secretRef`, check) };
  }
  if (pem !== undefined) return { ...common, kind: 'pem', pem };
  if (jwks !== undefined) return { ...common, kind: 'jwks', jwks };
  return { ...common, kind: 'url', url: jwksUrl!, timeoutMs: parseDuration(timeout) };
}

type SecretIrKey = Pick<KeyIr & { readonly kind: 'secret' }, 'encoding' | 'algorithms'>;

function secretProblem(text: string, key: SecretIrKey): string | null {
  try {
    keyOfSecret(text, key, undefined);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws Error when it can't be a key; the message does not hold the text */
export function keyOfSecret(text: string, { algorithms, encoding }: SecretIrKey, kid: string | undefined) {
  const names = algorithms ?? ['HS256'];
  if (!names[0]!.startsWith('HS')) return pemKey(text, names, kid);
  if (encoding === 'plain') return secretKey(Buffer.from(text, 'utf8'), names, kid);
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)) throw new Error('has no base64 where encoding says so');
  return secretKey(Buffer.from(trimmed, 'base64'), names, kid);
}
