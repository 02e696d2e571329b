import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerHead } from '../../state/cache/answer.ts';
import { isUnchanged, rangeOf } from './conditions.ts';
import { Lines } from './storing.ts';

const CHANGED = 'Sun, 06 Nov 1994 08:49:37 GMT';
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';

function headOf(more: Partial<AnswerHead> = {}): AnswerHead {
  return {
    status: 200,
    headers: [],
    receivedAtMs: 0,
    initialAgeMs: 0,
    lifetimeMs: 0,
    dateMs: Date.parse(CHANGED),
    etag: '"a"',
    lastModified: CHANGED,
    staleness: { validateAlways: false, forbidden: false, whileRevalidateMs: 0, ifErrorMs: 0 },
    marks: [],
    ...more,
  };
}

function asked(headers: Readonly<Record<string, string>>): Lines {
  return new Lines(0, Object.entries(headers));
}

describe('isUnchanged', () => {
  it.each([
    [{ 'if-none-match': '"a"' }, true],
    [{ 'if-none-match': '"b", W/"a"' }, true],
    [{ 'if-none-match': '"b" ,"a", "c"' }, true],
    [{ 'if-none-match': '*' }, true],
    [{ 'if-none-match': '"b"' }, false],
    [{ 'if-none-match': '"a' }, false],
    [{ 'if-none-match': '"x,"a""' }, false],
    [{ 'if-none-match': '"b"', 'if-modified-since': LATER }, false],
    [{ 'if-modified-since': CHANGED }, true],
    [{ 'if-modified-since': LATER }, true],
    [{ 'if-modified-since': EARLIER }, false],
    [{ 'if-modified-since': 'yesterday' }, false],
    [{}, false],
  ])('%j: %j', (headers, unchanged) => {
    expect(isUnchanged(asked(headers), headOf())).toBe(unchanged);
  });

  it('goes by Date where there is no Last-Modified, and tells nothing of errors', () => {
    expect(isUnchanged(asked({ 'if-modified-since': CHANGED }), headOf({ lastModified: null }))).toBe(true);
    expect(isUnchanged(asked({ 'if-none-match': '"a"' }), headOf({ status: 404 }))).toBe(false);
  });
});

describe('rangeOf', () => {
  it.each([
    ['bytes=0-1', { from: 0, to: 2 }],
    ['bytes=3-', { from: 3, to: 10 }],
    ['bytes=-4', { from: 6, to: 10 }],
    ['bytes=-40', { from: 0, to: 10 }],
    ['bytes=5-100', { from: 5, to: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', null],
    ['bytes=-', null],
    ['bytes=0-1,4-5', null],
    ['lines=0-1', null],
  ])('%s of 10 bytes is %j', (range, span) => {
    expect(rangeOf(asked({ range }), headOf(), 10)).toEqual(span);
  });

  it('takes what a slice takes', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(20), (from, to, size) => {
        const body = Array.from({ length: size }, (_, i) => i);
        const span = rangeOf(asked({ range: `bytes=${from}-${to}` }), headOf(), size);
        if (to < from) expect(span).toBeNull();
        else if (from >= size) expect(span).toBe('unsatisfiable');
        else
          expect(body.slice((span as { from: number }).from, (span as { to: number }).to)).toEqual(
            body.slice(from, to + 1),
          );
      }),
    );
  });

  it.each([
    ['"a"', true],
    ['"b"', false],
    ['W/"a"', false],
    [CHANGED, true],
    [LATER, false],
  ])('If-Range %s: %j', (condition, applies) => {
    const span = rangeOf(asked({ range: 'bytes=0-1', 'if-range': condition }), headOf(), 10);
    expect(span !== null).toBe(applies);
  });
});
