import fc from 'fast-check';
import * as model from 'structured-headers';
import { describe, expect, test } from 'vitest';
import { dictionaryText, listText, type Member, memberText } from './model.ts';
import { parseDictionary, parseItem, parseList } from './parse.ts';

/** The value as the slow library has it, to compare with. */
function plain(member: Member): unknown {
  const params = Object.fromEntries([...member.params].map(([key, bare]) => [key, bare.value]));
  if (member.kind === 'innerList') return [member.items.map(plain), params];
  return [member.bare.value, params];
}

function modelPlain(member: model.Item | model.InnerList): unknown {
  const params = Object.fromEntries([...member[1]].map(([key, bare]) => [key, modelBare(bare)]));
  if (model.isInnerList(member)) return [member[0].map(modelPlain), params];
  return [modelBare(member[0]), params];
}

function modelBare(bare: model.BareItem): unknown {
  if (bare instanceof Date) return bare.getTime() / 1000;
  if (bare instanceof ArrayBuffer) return Buffer.from(bare);
  if (bare instanceof model.Token || bare instanceof model.DisplayString) return bare.toString();
  // There is no minus zero in a field.
  return bare === 0 ? 0 : bare;
}

/** Where the library departs from us: it takes base64 without padding and with stray bits, and dates only at the end. */
const lenient = (text: string) =>
  text.includes('@') ||
  [...text.matchAll(/:([A-Za-z0-9+/=]*):/g)].some(
    ([, b64]) => Buffer.from(b64!, 'base64').toString('base64') !== b64,
  );

function outcome<T>(run: () => T): T | 'refused' {
  try {
    return run();
  } catch {
    return 'refused';
  }
}

const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,5}$/);
const bare = fc.oneof(
  fc.stringMatching(/^-?[0-9]{1,15}$/),
  fc.stringMatching(/^-?[0-9]{1,12}\.[0-9]{1,3}$/),
  fc.stringMatching(/^"([ !#-[\]-~]|\\["\\]){0,8}"$/),
  fc.stringMatching(/^[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]{0,6}$/),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => `:${Buffer.from(bytes).toString('base64')}:`),
  fc.constantFrom('?0', '?1', '%"f%c3%bc"', '%"%25%22"'),
);
const params = fc
  .array(fc.tuple(key, fc.option(bare)), { maxLength: 3 })
  .map((all) => all.map(([name, value]) => (value === null ? `;${name}` : `; ${name}=${value}`)).join(''));
const item = fc.tuple(bare, params).map((parts) => parts.join(''));
const innerList = fc
  .tuple(fc.array(item, { maxLength: 3 }), params)
  .map(([items, of]) => `( ${items.join('  ')} )${of}`);
const dictionary = fc
  .array(fc.tuple(key, fc.oneof(item, innerList, params)), { maxLength: 4 })
  .map((members) =>
    members
      .map(([name, value]) => (value === '' || value.startsWith(';') ? name + value : `${name}=${value}`))
      .join(' ,\t'),
  );
const noise = fc
  .array(fc.constantFrom(...'ab1.-"\\(),;=:?@%* \t/=A~\u00e9\u0001'), { maxLength: 14 })
  .map((c) => c.join(''));
const mangled = fc
  .tuple(dictionary, fc.nat(), noise)
  .map(([text, at, what]) => text.slice(0, at % (text.length + 1)) + what);

describe('against a slow reader of structured fields', () => {
  test.each([
    ['dictionaries', dictionary],
    ['noise', noise],
    ['spoiled dictionaries', mangled],
  ] as const)('%s', (_, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(!lenient(text));
        const ours = outcome(() => [...parseDictionary(text)].map(([name, of]) => [name, plain(of)]));
        const theirs = outcome(() =>
          [...model.parseDictionary(text)].map(([name, of]) => [name, modelPlain(of)]),
        );
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 2000 },
    );
  });

  test('lists and items', () => {
    fc.assert(
      fc.property(fc.oneof(item, innerList, noise), (text) => {
        fc.pre(!lenient(text));
        expect(outcome(() => parseList(text).map(plain))).toEqual(
          outcome(() => model.parseList(text).map(modelPlain)),
        );
        expect(outcome(() => plain(parseItem(text)))).toEqual(
          outcome(() => modelPlain(model.parseItem(text))),
        );
      }),
    );
  });
});

test('what was written is read as the same, and is written the same again', () => {
  fc.assert(
    fc.property(dictionary, (text) => {
      const canonical = dictionaryText(parseDictionary(text));
      const again = parseDictionary(canonical);
      expect(dictionaryText(again)).toBe(canonical);
      expect([...again].map(([, of]) => plain(of))).toEqual(
        [...parseDictionary(text)].map(([, of]) => plain(of)),
      );
    }),
  );
});

test.each([
  ['a=1.0', 'a=1.0'],
  ['a=1.50', 'a=1.5'],
  ['a=-0', 'a=0'],
  ['a=007', 'a=7'],
  ['a=?1;b=?1;c=?0', 'a;b;c=?0'],
  ['a=1, b=2, a=(3)', 'a=(3), b=2'],
  ['a=@1659578233;b=@-1', 'a=@1659578233;b=@-1'],
  ['a=%"%41%c3%bc"', 'a=%"A%c3%bc"'],
  ['sig=("@method"   "x";sf );created=5', 'sig=("@method" "x";sf);created=5'],
])('%s is written as %s', (text, canonical) => {
  expect(dictionaryText(parseDictionary(text))).toBe(canonical);
});

test('lists are written with one space after the comma', () => {
  expect(listText(parseList('a,\t"b" ,(1  2)'))).toBe('a, "b", (1 2)');
  expect(memberText(parseItem('  text;q=0.5 '))).toBe('text;q=0.5');
});

test.each([
  'a=:AAB:',
  'a=:AA=A:',
  'a=:AAE=:, b=:AAF=:',
  'a=:AA:',
  'a="x\u00e9"',
  'a="',
  'a="\\a"',
  'a=(1',
  'a=(1)2',
  'a=1,',
  'a=1234567890123456',
  'a=1.2345',
  'a=1.',
  'a=-',
  'a=@1.5',
  'a=?2',
  'A=1',
  'a=%"%C3"',
  'a=%"%c3"',
  'a b',
])('%j is refused', (text) => {
  expect(() => parseDictionary(text)).toThrow('at character');
});
