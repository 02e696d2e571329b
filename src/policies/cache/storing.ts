import { type AnswerHead, ageMs } from '../../state/cache/answer.ts';
import { tagMark } from '../../state/cache/marks.ts';
import type { CacheConfig, Settings } from './config.ts';
import { type Directives, fieldNames, parseDirectives } from './directives.ts';
import { type Answered, type Freshness, freshnessOf, initialAgeMs } from './freshness.ts';
import { parseHttpDate } from './http-date.ts';

type Line = readonly [name: string, value: string];

/** An answer's head, of a backend or put together from what is kept and a 304. */
export interface AnswerFields extends Answered {
  headerEntries(): readonly Line[];
}

/** What a request has to do with whether its answer may be kept. */
export interface Asking {
  readonly hasAuthorization: boolean;
  readonly hasCookie: boolean;
  /** When the backend was asked, Unix milliseconds. */
  readonly askedAtMs: number;
  /** Every answer to it may be purged by these, beside its tags. */
  readonly marks: readonly string[];
}

export type Verdict =
  | {
      readonly kind: 'keep';
      readonly head: AnswerHead;
      readonly vary: readonly string[];
      readonly usefulMs: number;
    }
  | { readonly kind: 'refuse' };

const REFUSE: Verdict = { kind: 'refuse' };

/** Statuses that this cache knows how to reuse; of others an answer is kept when it says for how long. */
const UNDERSTOOD: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410]);
/** What is kept of errors by the backend's word: a header that is in no key can provoke most of the others. */
const KEPT_ERRORS: ReadonlySet<number> = new Set([404, 410]);

/** Of one hop, of one client, of the gateway's own, or written anew each time (RFC 9111 section 3.1). */
const NOT_KEPT: ReadonlySet<string> = new Set([
  'age',
  'alt-svc',
  'cache-tag',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'server',
  'set-cookie',
  'surrogate-key',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-gateway-response-time',
  'x-powered-by',
]);
/** They tell of the body that is kept, not of the 304 (RFC 9111 section 3.2). */
const NOT_UPDATED: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'etag',
]);
export const TAG_HEADERS = ['cache-tag', 'surrogate-key'] as const;
const MAX_TAGS = 64;
/** An answer that can be validated is of use when it is stale. */
const VALIDATED_MS = 24 * 3_600_000;

/** Whether an answer may be kept (RFC 9111 section 3), and what of its head. */
export function judge(answer: AnswerFields, asking: Asking, config: CacheConfig, rules: Settings): Verdict {
  const targeted = parseDirectives(answer.header('cdn-cache-control'));
  // The field for caches in front of a backend goes before the others (RFC 9213).
  const isTargeted = targeted.size > 0;
  const directives = isTargeted ? targeted : parseDirectives(answer.header('cache-control'));
  if (!mayKeep(answer, directives, asking, config)) return REFUSE;
  const nowMs = Date.now();
  const freshness = freshnessOf(answer, directives, isTargeted, rules, nowMs);
  if (!isStatusKept(answer.status, freshness)) return REFUSE;
  // Nobody says how long: what a cookie changes in it nobody says, either.
  const isOurWord = freshness.basis !== 'backend';
  if (isOurWord && asking.hasCookie && config.cookies === 'rfc') return REFUSE;
  const vary = varyOf(answer);
  if (vary === null) return REFUSE;
  const head = headOf(answer, directives, freshness, asking, nowMs);
  const usefulMs = usefulFor(head) - head.initialAgeMs;
  return usefulMs > 0 ? { kind: 'keep', head, vary, usefulMs } : REFUSE;
}

function mayKeep(answer: AnswerFields, directives: Directives, asking: Asking, config: CacheConfig): boolean {
  const understands = directives.has('must-understand') && UNDERSTOOD.has(answer.status);
  if (directives.has('must-understand') && !understands) return false;
  if (directives.has('no-store') && !understands) return false;
  if (directives.has('private') && fieldNames(directives, 'private') === null) return false;
  if (config.setCookie === 'refuse' && answer.header('set-cookie') !== null) return false;
  if (asking.hasAuthorization && config.authorization === 'rfc') {
    return directives.has('public') || directives.has('must-revalidate') || directives.has('s-maxage');
  }
  return !(answer.header('content-type') ?? '').startsWith('text/event-stream');
}

function isStatusKept(status: number, { basis }: Freshness): boolean {
  if (status < 200 || status === 206 || status === 304) return false;
  if (status >= 400) return basis === 'operator' || (KEPT_ERRORS.has(status) && basis === 'backend');
  return status === 200 || basis !== 'none';
}

/** Header names in lower case, sorted; null: every request is another one. */
function varyOf(answer: AnswerFields): readonly string[] | null {
  const field = answer.header('vary');
  if (field === null) return [];
  const names = new Set<string>();
  for (const one of field.split(',')) {
    const name = one.trim().toLowerCase();
    if (name === '*') return null;
    if (name !== '') names.add(name);
  }
  return [...names].sort();
}

function headOf(
  answer: AnswerFields,
  directives: Directives,
  freshness: Freshness,
  asking: Asking,
  nowMs: number,
): AnswerHead {
  const date = answer.header('date');
  const dateMs = (date === null ? null : parseHttpDate(date)) ?? nowMs;
  const age = initialAgeMs(answer, asking.askedAtMs, nowMs);
  const headers = keptLines(answer, directives);
  if (date === null) headers.push(['date', new Date(nowMs).toUTCString()]);
  return {
    status: answer.status,
    headers,
    receivedAtMs: nowMs,
    initialAgeMs: age ?? 0,
    lifetimeMs: age === null ? 0 : freshness.lifetimeMs,
    dateMs,
    etag: answer.header('etag'),
    lastModified: answer.header('last-modified'),
    staleness: freshness.staleness,
    marks: [...asking.marks, ...tagsOf(answer).map(tagMark)],
  };
}

function keptLines(answer: AnswerFields, directives: Directives): Line[] {
  const named = new Set([
    ...(fieldNames(directives, 'no-cache') ?? []),
    ...(fieldNames(directives, 'private') ?? []),
    ...(answer.header('connection') ?? '').split(',').map((name) => name.trim().toLowerCase()),
  ]);
  return answer.headerEntries().filter(([name]) => !NOT_KEPT.has(name) && !named.has(name)) as Line[];
}

/** `Cache-Tag: a, b` and `Surrogate-Key: a b`. */
function tagsOf(answer: AnswerFields): readonly string[] {
  const tags = [
    ...(answer.header('cache-tag') ?? '').split(','),
    ...(answer.header('surrogate-key') ?? '').split(/[\s,]+/),
  ].map((tag) => tag.trim());
  return [...new Set(tags)].filter((tag) => tag !== '').slice(0, MAX_TAGS);
}

function usefulFor({ lifetimeMs, staleness, etag, lastModified }: AnswerHead): number {
  const canValidate = etag !== null || lastModified !== null;
  const stale = Math.max(
    canValidate ? VALIDATED_MS : 0,
    staleness.forbidden || staleness.validateAlways
      ? 0
      : Math.max(staleness.whileRevalidateMs, staleness.ifErrorMs),
  );
  return lifetimeMs + stale;
}

/** A head out of what was kept and what the 304 says (RFC 9111 section 4.3.4). */
export function freshen(kept: AnswerHead, update: AnswerFields): AnswerFields {
  const newer = update.headerEntries().filter(([name]) => !NOT_KEPT.has(name) && !NOT_UPDATED.has(name));
  const names = new Set(newer.map(([name]) => name));
  const age = update.headerLines('age').map((value): Line => ['age', value]);
  const tags = TAG_HEADERS.flatMap((name) => update.headerLines(name).map((value): Line => [name, value]));
  const connection = update.headerLines('connection').map((value): Line => ['connection', value]);
  const lines = [
    ...kept.headers.filter(([name]) => !names.has(name)),
    ...newer,
    ...age,
    ...tags,
    ...connection,
  ];
  return new Lines(kept.status, lines);
}

/** A head that is no message of a connection. */
export class Lines implements AnswerFields {
  readonly status: number;
  readonly #lines: readonly Line[];

  /** @param lines names in lower case */
  constructor(status: number, lines: readonly Line[]) {
    this.status = status;
    this.#lines = lines;
  }

  header(name: string): string | null {
    const values = this.headerLines(name);
    return values.length === 0 ? null : values.join(', ');
  }

  headerLines(name: string): readonly string[] {
    return this.#lines.filter(([other]) => other === name).map(([, value]) => value);
  }

  headerEntries(): readonly Line[] {
    return this.#lines;
  }
}

/** Milliseconds until it is stale; 0 and less: it is. */
export function remainingMs(head: AnswerHead, nowMs: number): number {
  return head.lifetimeMs - ageMs(head, nowMs);
}
