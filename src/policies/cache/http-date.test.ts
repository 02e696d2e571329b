import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHttpDate } from './http-date.ts';

describe('parseHttpDate', () => {
  it('reads what toUTCString writes', () => {
    const ms = fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(ms, (at) => {
        expect(parseHttpDate(new Date(at).toUTCString())).toBe(at);
      }),
    );
  });

  const AT = Date.UTC(1994, 10, 6, 8, 49, 37);
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', AT],
    ['Sunday, 06-Nov-94 08:49:37 GMT', AT],
    ['Sun Nov  6 08:49:37 1994', AT],
    ['sun, 06 nov 1994 08:49:37 gmt', AT],
    ['Sun, 06 Nov 1994 08:49:37 UTC', null],
    ['Sun, 06 Nov 1994 08:49:37', null],
    ['Sun 06 Nov 1994 08:49:37 GMT', null],
    ['Sun, 31 Feb 1994 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 24:49:37 GMT', null],
    ['0', null],
    ['', null],
    ['-1', null],
  ])('%j is %j', (text, ms) => {
    expect(parseHttpDate(text)).toBe(ms);
  });
});
