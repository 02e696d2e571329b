import type { Exchange } from '../../pipeline/exchange.ts';
import { type AnswerHead, ageMs } from '../../state/cache/answer.ts';
import { parseDirectives, spanMs } from './directives.ts';

/** What a request asks of caches (RFC 9111 section 5.2.1). */
export interface Demands {
  /** Neither kept nor served from what is kept. */
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
  /** A kept answer must be validated: `no-cache`. */
  readonly validated: boolean;
  /** Milliseconds; null: as the answer says. */
  readonly maxAgeMs: number | null;
  readonly minFreshMs: number;
  /** How long past its lifetime it may be; `Infinity`: it does not matter. */
  readonly maxStaleMs: number;
}

const NONE: Demands = {
  noStore: false,
  onlyIfCached: false,
  validated: false,
  maxAgeMs: null,
  minFreshMs: 0,
  maxStaleMs: 0,
};

export function demandsOf({ request }: Exchange, honoured: boolean): Demands {
  if (!honoured) return NONE;
  const field = request.header('cache-control');
  if (field === null) {
    // RFC 9111 section 5.4: what HTTP/1.0 says counts where nothing newer is said.
    return request.header('pragma')?.toLowerCase().includes('no-cache') === true
      ? { ...NONE, validated: true }
      : NONE;
  }
  const directives = parseDirectives(field);
  if (directives.size === 0) return NONE;
  const maxStale = directives.get('max-stale');
  return {
    noStore: directives.has('no-store'),
    onlyIfCached: directives.has('only-if-cached'),
    validated: directives.has('no-cache'),
    // What is no number asks for as much as can be asked for.
    maxAgeMs: negativeAsZero(spanMs(directives, 'max-age')),
    minFreshMs: Math.max(0, spanMs(directives, 'min-fresh') ?? 0),
    maxStaleMs:
      maxStale === true ? Number.POSITIVE_INFINITY : Math.max(0, spanMs(directives, 'max-stale') ?? 0),
  };
}

function negativeAsZero(ms: number | null): number | null {
  return ms === null ? null : Math.max(0, ms);
}

/** Whether the answer will do as it is. */
export function satisfies(head: AnswerHead, demands: Demands, nowMs: number): boolean {
  if (demands.validated || head.staleness.validateAlways) return false;
  const age = ageMs(head, nowMs);
  if (demands.maxAgeMs !== null && age > demands.maxAgeMs) return false;
  const remaining = head.lifetimeMs - age;
  if (remaining > 0) return remaining >= demands.minFreshMs;
  return !head.staleness.forbidden && demands.maxStaleMs > 0 && -remaining <= demands.maxStaleMs;
}

/** Whether a stale answer may be served while a new one is fetched. */
export function mayServeWhileRevalidating(head: AnswerHead, demands: Demands, nowMs: number): boolean {
  if (demands.validated || demands.maxAgeMs !== null || demands.minFreshMs > 0) return false;
  return isWithin(head, head.staleness.whileRevalidateMs, nowMs);
}

/** Whether it may be served because the backend fails. */
export function mayServeOnError(head: AnswerHead, nowMs: number): boolean {
  return isWithin(head, head.staleness.ifErrorMs, nowMs);
}

function isWithin(head: AnswerHead, staleMs: number, nowMs: number): boolean {
  const { forbidden, validateAlways } = head.staleness;
  return !forbidden && !validateAlways && staleMs > 0 && ageMs(head, nowMs) - head.lifetimeMs <= staleMs;
}
