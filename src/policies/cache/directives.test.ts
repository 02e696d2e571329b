import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldNames, parseDirectives, spanMs } from './directives.ts';

describe('parseDirectives', () => {
  it.each([
    ['max-age=60', { 'max-age': '60' }],
    ['Max-Age=60, NO-STORE', { 'max-age': '60', 'no-store': true }],
    ['no-cache="a, b", max-age="1"', { 'no-cache': 'a, b', 'max-age': '1' }],
    ['ext="max-age=3600", max-age=1', { ext: 'max-age=3600', 'max-age': '1' }],
    ['ext="a\\"b, no-store", x', { ext: 'a"b, no-store', x: true }],
    ['max-age=1, max-age=2', { 'max-age': '1' }],
    [',, a ,,b', { a: true, b: true }],
    // Outside the grammar: there, and without a number.
    ['max-age =60', { 'max-age': '' }],
    ['max-age= 60', { 'max-age': '' }],
    ['max-age=60 x, no-store', { 'max-age': '', 'no-store': true }],
    ['no-cache="a', { 'no-cache': '' }],
    ['', {}],
  ])('reads %j', (field, expected) => {
    expect(Object.fromEntries(parseDirectives(field))).toEqual(expected);
  });

  it('reads back what the grammar writes', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/);
    const quoted = fc.string({ maxLength: 8 }).filter((text) => /^[\x20-\x7e]*$/.test(text));
    const argument = fc.oneof(
      fc.constant<[string, string | true]>(['', true]),
      token.map((text): [string, string] => [`=${text}`, text]),
      quoted.map((text): [string, string] => [`="${text.replaceAll(/["\\]/g, '\\$&')}"`, text]),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(token, argument), { maxLength: 6 }),
        fc.constantFrom(',', ', ', ' , ', ',,'),
        (written, comma) => {
          const expected = new Map<string, string | true>();
          for (const [name, [, value]] of written) if (!expected.has(name)) expected.set(name, value);
          const field = written.map(([name, [text]]) => `${name}${text}`).join(comma);
          expect([...parseDirectives(field)]).toEqual([...expected]);
        },
      ),
    );
  });

  it('ends, whatever it is given', () => {
    const piece = fc.constantFrom('a', '=', '"', ',', ' ', '\\', ';', '1');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        parseDirectives(pieces.join(''));
      }),
    );
    parseDirectives(`${'"a"x'.repeat(10_000)}"`);
    parseDirectives('a="\\'.repeat(20_000));
  });
});

describe('spanMs', () => {
  it.each([
    ['max-age=5', 5000],
    ['max-age=0', 0],
    ['max-age=003600', 3_600_000],
    ['max-age=99999999999', 2 ** 31 * 1000],
    ['max-age=-1', -1],
    ['max-age=1.5', -1],
    ["max-age='3600'", -1],
    ['max-age', -1],
    ['no-store', null],
  ])('%j is %j', (field, ms) => {
    expect(spanMs(parseDirectives(field), 'max-age')).toBe(ms);
  });
});

describe('fieldNames', () => {
  it('tells named headers from all of them', () => {
    expect(fieldNames(parseDirectives('no-cache="Set-Cookie, X"'), 'no-cache')).toEqual(['set-cookie', 'x']);
    expect(fieldNames(parseDirectives('no-cache'), 'no-cache')).toBeNull();
    expect(fieldNames(parseDirectives('no-cache=""'), 'no-cache')).toBeNull();
  });
});
