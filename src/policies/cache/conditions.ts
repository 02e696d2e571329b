import type { HeaderFields } from '../../pipeline/exchange.ts';
import type { AnswerHead } from '../../state/cache/answer.ts';
import { parseHttpDate } from './http-date.ts';

type Reading = Pick<HeaderFields, 'header'>;

/** Whether the client has what is kept, so that 304 is enough (RFC 9110 section 13.2.2). */
export function isUnchanged(request: Reading, head: AnswerHead): boolean {
  if (head.status !== 200 && head.status !== 206) return false;
  const noneMatch = request.header('if-none-match');
  if (noneMatch !== null)
    return noneMatch.trim() === '*' || (head.etag !== null && listsTag(noneMatch, head.etag));
  const since = request.header('if-modified-since');
  if (since === null) return false;
  const sinceMs = parseHttpDate(since);
  if (sinceMs === null) return false;
  const changedMs = head.lastModified === null ? head.dateMs : parseHttpDate(head.lastModified);
  return changedMs !== null && changedMs <= sinceMs;
}

const ENTITY_TAG = /\s*((?:W\/)?"[^"]*"|[^\s,]+)\s*(?:,|$)/y;

/** By the weak comparison (RFC 9110 section 8.8.3.2). */
function listsTag(list: string, etag: string): boolean {
  const opaque = withoutWeakness(etag);
  ENTITY_TAG.lastIndex = 0;
  while (ENTITY_TAG.lastIndex < list.length) {
    const found = ENTITY_TAG.exec(list);
    if (found === null) return false;
    if (withoutWeakness(found[1]!) === opaque) return true;
  }
  return false;
}

function withoutWeakness(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag;
}

/** Bytes `[from, to)` of a body. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const ONE_RANGE = /^bytes[ \t]*=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i;

/**
 * The part that the request wants of a whole answer (RFC 9110 section 14.2). Null: all of it, also where it asks for several
 * parts, or for what isn't bytes.
 */
export function rangeOf(
  request: Reading,
  head: AnswerHead,
  bodyBytes: number,
): Span | 'unsatisfiable' | null {
  const range = request.header('range');
  if (range === null || head.status !== 200 || !appliesTo(request, head)) return null;
  const found = ONE_RANGE.exec(range);
  if (found === null) return null;
  const [, first, last] = found;
  if (first === '') {
    if (last === '') return null;
    const count = Math.min(Number(last), bodyBytes);
    return count === 0 ? 'unsatisfiable' : { from: bodyBytes - count, to: bodyBytes };
  }
  const from = Number(first);
  const to = last === '' ? bodyBytes : Math.min(Number(last) + 1, bodyBytes);
  if (last !== '' && Number(last) < from) return null;
  return from >= bodyBytes ? 'unsatisfiable' : { from, to };
}

/** If-Range: the strong comparison, or the very date (RFC 9110 section 13.1.5). */
function appliesTo(request: Reading, head: AnswerHead): boolean {
  const condition = request.header('if-range');
  if (condition === null) return true;
  if (condition.startsWith('"')) return condition === head.etag;
  return head.lastModified !== null && condition === head.lastModified;
}
