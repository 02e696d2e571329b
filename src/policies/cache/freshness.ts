import type { Staleness } from '../../state/cache/answer.ts';
import { type Directives, fieldNames, spanMs } from './directives.ts';
import { parseHttpDate } from './http-date.ts';

/** What an operator has said of how long answers are kept, resolved. */
export interface Rules {
  /** In place of what the backend says; null: as it says. */
  readonly ttlMs: number | null;
  /** Lifetimes of statuses of 400 and more, in place of what the backend says. */
  readonly errorTtlMs: ReadonlyMap<number, number>;
  /** Where neither the backend nor the operator says. */
  readonly heuristic: boolean;
  readonly whileRevalidateMs: number | null;
  readonly ifErrorMs: number | null;
}

/** The head of an answer, as far as freshness depends on it. */
export interface Answered {
  readonly status: number;
  header(name: string): string | null;
  headerLines(name: string): readonly string[];
}

export interface Freshness {
  /** 0: stale from the start. */
  readonly lifetimeMs: number;
  /** Where it comes from: a guess is worth less. */
  readonly basis: 'operator' | 'backend' | 'guess' | 'none';
  readonly staleness: Staleness;
}

/** Share of the time since the last change for which an answer is taken for fresh (RFC 9111 section 4.2.2). */
const GUESS_SHARE = 0.1;
const MAX_GUESS_MS = 24 * 3_600_000;
/** Of those that may be guessed for, the ones that a header of a request does not easily provoke. */
const GUESSED_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308]);

/** Lifetime and staleness of an answer for a shared cache (RFC 9111 section 4.2). */
export function freshnessOf(
  answer: Answered,
  directives: Directives,
  isTargeted: boolean,
  rules: Rules,
  nowMs: number,
): Freshness {
  const operator = operatorMs(answer.status, rules);
  const backend = operator === null ? backendMs(answer, directives, isTargeted, nowMs) : null;
  const guess = operator === null && backend === null ? guessMs(answer, directives, rules, nowMs) : null;
  const basis =
    operator !== null ? 'operator' : backend !== null ? 'backend' : guess !== null ? 'guess' : 'none';
  return {
    lifetimeMs: Math.max(0, operator ?? backend ?? guess ?? 0),
    basis,
    staleness: stalenessOf(directives, rules, basis),
  };
}

function operatorMs(status: number, { ttlMs, errorTtlMs }: Rules): number | null {
  if (status >= 400) return errorTtlMs.get(status) ?? null;
  return ttlMs !== null && GUESSED_STATUSES.has(status) ? ttlMs : null;
}

/** Explicit freshness; -1 or 0 for what is there and means none. */
function backendMs(
  answer: Answered,
  directives: Directives,
  isTargeted: boolean,
  nowMs: number,
): number | null {
  const explicit = spanMs(directives, 's-maxage') ?? spanMs(directives, 'max-age');
  if (explicit !== null || isTargeted) return explicit;
  const expires = answer.headerLines('expires');
  if (expires.length === 0) return null;
  const expiresMs = parseHttpDate(expires[0]!);
  if (expiresMs === null) return -1;
  const date = answer.header('date');
  return expiresMs - ((date === null ? null : parseHttpDate(date)) ?? nowMs);
}

function guessMs(answer: Answered, directives: Directives, rules: Rules, nowMs: number): number | null {
  if (!rules.heuristic) return null;
  if (!GUESSED_STATUSES.has(answer.status) && !directives.has('public')) return null;
  const lastModified = answer.header('last-modified');
  const changedMs = lastModified === null ? null : parseHttpDate(lastModified);
  if (changedMs === null || changedMs > nowMs) return null;
  return Math.min(MAX_GUESS_MS, (nowMs - changedMs) * GUESS_SHARE);
}

/**
 * What the operator says goes before the backend's word, but never makes an answer usable that must be validated. `s-maxage`
 * is as `proxy-revalidate` (RFC 9111 section 5.2.2.10), unless the backend says beside it how long a stale answer is good.
 */
function stalenessOf(directives: Directives, rules: Rules, basis: Freshness['basis']): Staleness {
  const whileRevalidateMs = spanMs(directives, 'stale-while-revalidate');
  const ifErrorMs = spanMs(directives, 'stale-if-error');
  const saysNoMore = whileRevalidateMs === null && ifErrorMs === null;
  return {
    validateAlways: directives.has('no-cache') && fieldNames(directives, 'no-cache') === null,
    forbidden:
      directives.has('must-revalidate') ||
      directives.has('proxy-revalidate') ||
      (basis === 'backend' && directives.has('s-maxage') && saysNoMore),
    whileRevalidateMs: rules.whileRevalidateMs ?? Math.max(0, whileRevalidateMs ?? 0),
    ifErrorMs: rules.ifErrorMs ?? Math.max(0, ifErrorMs ?? 0),
  };
}

const AGE = /^\d{1,10}$/;

/**
 * How old the answer was when it came (RFC 9111 section 4.2.3). An Age that is no number, or a list of them, comes from a
 * cache that is not to be trusted with it: null, the answer counts as stale.
 */
export function initialAgeMs(answer: Answered, askedAtMs: number, receivedAtMs: number): number | null {
  const date = answer.header('date');
  const dateMs = date === null ? null : parseHttpDate(date);
  const apparentMs = dateMs === null ? 0 : Math.max(0, receivedAtMs - dateMs);
  const age = answer.header('age');
  if (age === null) return apparentMs < 1000 ? 0 : apparentMs;
  if (!AGE.test(age)) return null;
  const correctedMs = Number(age) * 1000 + (receivedAtMs - askedAtMs);
  return Math.max(apparentMs, correctedMs);
}
