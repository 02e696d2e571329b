import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, it } from 'vitest';
import { compileJsonata, jsonataProblem } from './jsonata-expression.ts';
import { LinearRegExp } from './linear-regexp.ts';

const both = async (expression: string, input: unknown) => {
  const own = await compileJsonata(expression).evaluate(input);
  return [JSON.stringify(own), JSON.stringify(await jsonata(expression).evaluate(input))];
};

const TEXT = 'Orders 17, 4711 and x-9 of a.b@Shop.test\nsecond line; tail 42';

describe('regular expressions do what JavaScript does', () => {
  it.each([
    '$match(text, /[0-9]+/)',
    '$match(text, /([a-z]+)-([0-9])?/).{"m": match, "i": index, "g": groups}',
    '$match(text, /(x)?(-)/)',
    '$match(text, /ORDERS|shop/i).match',
    '$match(text, /^[a-z]+/im).match',
    '$match(text, /\\bs\\w+/).index',
    '$contains(text, /@[A-Z]/)',
    '$contains(text, /nothing/)',
    '$split(text, /[ ,]+/)',
    '$split(text, /\\s/, 3)',
    '$replace(text, /([0-9]+)/, "<$1>")',
    '$replace(text, /(a)?([.])/, "[$1|$2|$0|$3]")',
    '$replace(text, /\\d{2}/, function($m) { $string($number($m.match) + 1) }, 2)',
    '/[0-9]+/(text).next().match',
    '$filter(["a1", "b", "c22"], /[0-9]/)',
    '$match("Ünïcode 😀 x", /[^ ]+/).{"m": match, "i": index}',
  ])('%s', async (expression) => {
    const [own, script] = await both(expression, { text: TEXT });
    expect(own).toBe(script);
  });

  it('for any text and a pattern of the common syntax', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '[ab]',
      '[^a]',
      '.',
      'a*',
      'b+',
      '(a|b)',
      'c?',
      '\\d',
      '\\w',
      '(b)?',
      '^',
      '$',
      '\\b',
    );
    const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', 'é'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, fc.nat(12), (source, where, from) => {
        const script = new RegExp(source, 'g');
        const own = new LinearRegExp(script);
        script.lastIndex = from;
        own.lastIndex = from;
        const [wanted, got] = [script.exec(where), own.exec(where)];
        expect(got === null ? null : [...got, got.index]).toEqual(
          wanted === null ? null : [...wanted, wanted.index],
        );
        expect(own.lastIndex).toBe(script.lastIndex);
      }),
      { numRuns: 3000 },
    );
  });
});

it('what takes JavaScript for ever takes no time', async () => {
  const input = { text: `${'a'.repeat(50_000)}!` };
  expect(await compileJsonata('$contains(text, /^(a+)+$/)').evaluate(input)).toBe(false);
  expect(await compileJsonata('$replace(text, /(a|aa)+$/, "")').evaluate(input)).toBe(input.text);
});

it.each([
  ['$match(a, /x(?=y)/)', 'is not valid RE2 syntax'],
  [
    '{"deep": [1, $map(b, function($v) { $v ~> $replace(/(a)\\1/, "") })]}',
    'back-references and look-around',
  ],
  ['$contains(a, /[a-z]{1000}{9}/)', 'at character'],
  ['$match(a, /x(/)', 'at character'],
  ['(', 'at character'],
])('%s is refused when it is read', (expression, message) => {
  expect(jsonataProblem(expression)).toContain(message);
});

it('a good one is not', () => {
  expect(jsonataProblem('$match(a, /^[a-z]+[/]x\\/$/i).groups[0]')).toBeNull();
});
