import type { HeaderFields } from '../../pipeline/exchange.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { ageMs, type StoredAnswer } from '../../state/cache/answer.ts';
import { isUnchanged, rangeOf } from './conditions.ts';

type Line = readonly [name: string, value: string];

/** They tell of a body, which a 304 has not. */
const OF_A_BODY: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-range',
  'content-type',
]);

/**
 * A kept answer for a request: whole, a part of it, or that it is unchanged.
 * @param asked the request's conditions and ranges
 * @param more lines of this answer alone
 */
export function replyFrom(
  { head, body }: StoredAnswer,
  asked: Pick<HeaderFields, 'header'>,
  nowMs: number,
  more: readonly Line[],
): Reply {
  const headers: Line[] = [...head.headers, ['age', String(Math.floor(ageMs(head, nowMs) / 1000))], ...more];
  if (isUnchanged(asked, head)) {
    return { status: 304, headers: headers.filter(([name]) => !OF_A_BODY.has(name)), body: '', stored: true };
  }
  const range = rangeOf(asked, head, body.length);
  if (range === null) return { status: head.status, headers, body, stored: true };
  if (range === 'unsatisfiable') {
    return problem(416, 'The answer has no such range.', [
      ['content-range', `bytes */${body.length}`],
      ...more,
    ]);
  }
  headers.push(['content-range', `bytes ${range.from}-${range.to - 1}/${body.length}`]);
  return { status: 206, headers, body: body.subarray(range.from, range.to), stored: true };
}

/** `only-if-cached`, and nothing is (RFC 9111 section 5.2.1.7). */
export function notCached(more: readonly Line[]): Reply {
  return problem(504, 'Nothing is kept that would do for this request.', more);
}
