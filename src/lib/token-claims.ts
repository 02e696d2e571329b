/** Of a token, or what a provider says of one. Without a prototype, or read by own names only. */
export type Claims = Readonly<Record<string, unknown>>;

/** What a token must say beside being signed. Times in seconds, as in tokens. */
export interface ClaimRules {
  /** Empty: any. */
  readonly issuers: readonly string[];
  /** One of them; empty: any. */
  readonly audiences: readonly string[];
  /** Claims that must be there. */
  readonly required: readonly string[];
  /** Clocks may differ by so much. */
  readonly leeway: number;
  /** Since `iat`; null: any. */
  readonly maxAge: number | null;
  /** Media type in the header, without `application/`, lower case; null: any. */
  readonly typ: string | null;
}

export type ClaimVerdict =
  /** `untilMs`: from then on it is expired, in milliseconds since the epoch. */
  | { readonly kind: 'valid'; readonly untilMs: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid'; readonly reason: ClaimFault };

/** What a token says wrongly. */
export type ClaimFault = 'claims' | 'issuer' | 'audience' | 'type' | 'notYet';

const invalid = (reason: ClaimFault): ClaimVerdict => ({ kind: 'invalid', reason });

/**
 * RFC 7519 section 4.1. What is of the wrong type is invalid wherever it stands, asked for or not.
 * @param typ of the token's header; null: none
 */
export function judgeClaims(
  claims: Claims,
  typ: string | null,
  rules: ClaimRules,
  nowMs: number,
): ClaimVerdict {
  const { sub, iss, exp, nbf, iat } = claims;
  if (!isTextOrNone(sub) || !isTextOrNone(iss)) return invalid('claims');
  if (!isTimeOrNone(exp) || !isTimeOrNone(nbf) || !isTimeOrNone(iat)) return invalid('claims');
  if (rules.required.some((name) => !(name in claims))) return invalid('claims');
  if (rules.issuers.length > 0 && (iss === undefined || !rules.issuers.includes(iss)))
    return invalid('issuer');
  if (rules.audiences.length > 0 && !isFor(claims.aud, rules.audiences)) return invalid('audience');
  if (rules.typ !== null && mediaType(typ) !== rules.typ) return invalid('type');
  const now = Math.floor(nowMs / 1000);
  const { leeway, maxAge } = rules;
  if (nbf !== undefined && nbf > now + leeway) return invalid('notYet');
  if (maxAge !== null && iat === undefined) return invalid('claims');
  if (maxAge !== null && iat! > now + leeway) return invalid('notYet');
  const until = Math.min(exp ?? Infinity, maxAge === null ? Infinity : iat! + maxAge) + leeway;
  if (until <= now) return { kind: 'expired' };
  return { kind: 'valid', untilMs: until * 1000 };
}

/** A number that JSON can hold but a clock can't (`1e400`) is none. */
function isTimeOrNone(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** `aud` is a text or a list of texts. */
function isFor(aud: unknown, audiences: readonly string[]): boolean {
  if (typeof aud === 'string') return audiences.includes(aud);
  if (!Array.isArray(aud) || !aud.every((one) => typeof one === 'string')) return false;
  return aud.some((one) => audiences.includes(one));
}

/** RFC 7515 section 4.1.9: `application/` may be left out, and case does not count. */
export function mediaType(typ: string | null): string | null {
  return typ === null ? null : typ.toLowerCase().replace(/^application\//, '');
}
