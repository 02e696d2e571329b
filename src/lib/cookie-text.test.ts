import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { cookieValue, withoutCookie } from './cookie-text.ts';

/** RFC 6265 section 5.4 read backwards, the obvious way. */
function model(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const [first, ...rest] = pair.split('=');
    if (rest.length === 0 || first!.trim() !== name || first === '') continue;
    const value = rest.join('=').trim();
    return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
  }
  return null;
}

describe('cookieValue', () => {
  it('does as splitting at semicolons does', () => {
    const piece = fc.constantFrom('a', 'b', '=', ';', '; ', '"', ' ', 'x');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.constantFrom('a', 'b', 'ab'), (pieces, name) => {
        const header = pieces.join('');
        expect(cookieValue(header, name)).toBe(model(header, name));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['sid=1; id=2', 'id', '2'],
    ['xid=1', 'id', null],
    ['id=a=b', 'id', 'a=b'],
    ['id="q"', 'id', 'q'],
    ['id="', 'id', '"'],
    ['id', 'id', null],
    ['=1', '', null],
    ['ID=1', 'id', null],
  ])('%j: %s is %j', (header, name, value) => {
    expect(cookieValue(header, name)).toBe(value);
  });
});

test.each([
  ['a=1; k=2; b=3', 'a=1; b=3'],
  ['k=1', ''],
  ['k=1;k=2; k', ''],
  ['kk=k; K=1', 'kk=k; K=1'],
  [' k =1;a=2', 'a=2'],
  ['', ''],
])('%s without the cookie k is %s', (header, left) => {
  expect(withoutCookie(header, 'k')).toBe(left);
  expect(cookieValue(left, 'k')).toBeNull();
});
