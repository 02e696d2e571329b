import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { queryValue, withoutQueryParam } from './query-text.ts';

describe('queryValue', () => {
  it('reads what URLSearchParams has written', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((s) => s.isWellFormed());
    const pair = fc.tuple(text, text);
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 6 }), text, (pairs, asked) => {
        const written = new URLSearchParams(pairs);
        for (const name of [asked, ...pairs.map(([first]) => first)]) {
          expect(queryValue(written.toString(), name)).toBe(written.get(name));
        }
      }),
    );
  });

  it('agrees with URLSearchParams on every query whose escapes are whole', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '=',
      '&',
      '+',
      '%20',
      '%C3%BC',
      '%26',
      '%3D',
      '%2B',
      ';',
      '/',
      '?',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.constantFrom('a', 'b', 'ab', ' ', 'ü', '='),
        (pieces, name) => {
          const query = pieces.join('');
          // It drops one `?` that a query begins with, which is part of ours.
          expect(queryValue(query, name)).toBe(new URLSearchParams(`?${query}`).get(name));
        },
      ),
    );
  });

  it.each([
    ['a=%zz', '%zz'],
    ['a=%', '%'],
    ['a=%C3', '%C3'],
    ['a=%ff+b', '%ff b'],
    ['a', ''],
    ['b=1&a=2&a=3', '2'],
    ['A=1', null],
    ['', null],
  ])('a of %j is %j', (query, value) => {
    expect(queryValue(query, 'a')).toBe(value);
  });
});

test.each([
  ['a=1&k=2&b=3', 'k', 'a=1&b=3'],
  ['k=1', 'k', ''],
  ['k', 'k', ''],
  ['%6b=1&K=2&kk=3', 'k', 'K=2&kk=3'],
  ['api+key=1&a', 'api key', 'a'],
  ['a=k&b=%zz&%zz=1', 'k', 'a=k&b=%zz&%zz=1'],
  ['k=1&k=2&x=&k=3', 'k', 'x='],
  ['', 'k', ''],
])('%s without %s is %s', (query, name, left) => {
  expect(withoutQueryParam(query, name)).toBe(left);
  expect(queryValue(left, name)).toBeNull();
});

test('what is left has no such parameter, and all others as they were', () => {
  const pair = fc.constantFrom('k=1', '%6B=2', '%6b', 'a=1', 'k', 'ka=k', '=k', '', 'k%3d=1', 'b+c=%26');
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const left = withoutQueryParam(pairs.join('&'), 'k');
      expect(queryValue(left, 'k')).toBeNull();
      for (const name of ['a', 'ka', 'k=', 'b c']) {
        expect(queryValue(left, name)).toBe(queryValue(pairs.join('&'), name));
      }
    }),
  );
});
