import { type ClaimFault, type ClaimRules, type Claims, judgeClaims } from '../../lib/token-claims.ts';
import { type Algorithm, algorithmOf } from './algorithms.ts';
import { type CompactToken, parseCompact, type TokenHeader } from './compact.ts';
import type { KeySource } from './key-source.ts';
import type { VerificationKey } from './keys.ts';

export type Verdict =
  | {
      readonly kind: 'valid';
      readonly claims: Claims;
      readonly header: TokenHeader;
      /** From then on it is expired, in milliseconds since the epoch. */
      readonly untilMs: number;
    }
  | { readonly kind: 'expired' }
  | { readonly kind: 'invalid'; readonly reason: TokenFault }
  /** It can't be told: there are no keys yet. */
  | { readonly kind: 'unavailable' };

/** What is wrong with a token. */
export type TokenFault = ClaimFault | 'malformed' | 'algorithm' | 'unknownKey' | 'signature';

const invalid = (reason: TokenFault): Verdict => ({ kind: 'invalid', reason });
const UNAVAILABLE: Verdict = { kind: 'unavailable' };

/** Signatures that one token makes us check at most. */
const MAX_TRIES = 8;

export interface VerifierOptions {
  readonly sources: readonly KeySource[];
  /** Claim, or else header, whose text is the `id` of the source to take; null: each may be. */
  readonly keyClaimName: string | null;
  readonly rules: ClaimRules;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Says what a token is worth. The signature goes first: of a token that nobody signed it tells nothing. */
export class TokenVerifier {
  readonly #options: VerifierOptions;

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /** A promise only where a slow signature is checked, or keys are fetched. */
  verify(token: string): Verdict | Promise<Verdict> {
    const parsed = parseCompact(token);
    if (parsed === null) return invalid('malformed');
    const algorithm = algorithmOf(parsed.header.alg);
    if (algorithm === null) return invalid('algorithm');
    const sources = this.#sourcesOf(parsed);
    if (sources.length === 0) return invalid('unknownKey');
    return this.#check({ parsed, algorithm, sources }, true);
  }

  #sourcesOf({ claims, header }: CompactToken): readonly KeySource[] {
    const { sources, keyClaimName } = this.#options;
    const id = keyClaimName === null ? null : (claims[keyClaimName] ?? header.fields[keyClaimName]);
    return sources.filter(
      (source) =>
        (keyClaimName === null || source.id === id) &&
        (source.issuer === null || source.issuer === claims.iss),
    );
  }

  #check(job: Job, mayWait: boolean): Verdict | Promise<Verdict> {
    const keys = candidates(job);
    const signed = isSigned(job, keys, 0);
    if (typeof signed === 'boolean') return this.#conclude(job, keys, signed, mayWait);
    return signed.then((good) => this.#conclude(job, keys, good, mayWait));
  }

  #conclude(
    job: Job,
    tried: readonly VerificationKey[],
    signed: boolean,
    mayWait: boolean,
  ): Verdict | Promise<Verdict> {
    const { parsed, sources } = job;
    const { rules, now } = this.#options;
    if (signed) {
      const verdict = judgeClaims(parsed.claims, parsed.header.typ, rules, now());
      return verdict.kind === 'valid'
        ? { ...verdict, claims: parsed.claims, header: parsed.header }
        : verdict;
    }
    // A provider that changed its keys names the new one by another `kid`, or none at all.
    const maybeRotated = tried.length === 0 || parsed.header.kid === null;
    const waits = mayWait && maybeRotated ? sources.flatMap((source) => source.missing() ?? []) : [];
    if (waits.length > 0) return Promise.all(waits).then(() => this.#check(job, false));
    if (sources.some(({ keys }) => keys === null)) return UNAVAILABLE;
    return invalid(tried.length === 0 ? 'unknownKey' : 'signature');
  }
}

interface Job {
  readonly parsed: CompactToken;
  readonly algorithm: Algorithm;
  readonly sources: readonly KeySource[];
}

function candidates({ parsed, algorithm, sources }: Job): readonly VerificationKey[] {
  const { kid } = parsed.header;
  return sources
    .flatMap(({ keys }) => keys ?? [])
    .filter((key) => (key.kid === undefined || key.kid === kid) && key.algorithms.includes(algorithm))
    .slice(0, MAX_TRIES);
}

function isSigned(job: Job, keys: readonly VerificationKey[], first: number): boolean | Promise<boolean> {
  const { parsed, algorithm } = job;
  for (let i = first; i < keys.length; i++) {
    const good = algorithm.check(keys[i]!.key, parsed.signed, parsed.signature);
    if (good === true) return true;
    if (good !== false) return good.then((one) => one || isSigned(job, keys, i + 1));
  }
  return false;
}
