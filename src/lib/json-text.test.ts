import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldText, hasMemberTwice, jsonText, pathText } from './json-text.ts';

describe('fieldText', () => {
  test('finds what JSON.parse finds, written in any way', () => {
    const name = fc.constantFrom(
      'a',
      'b',
      '__proto__',
      'constructor',
      'toString',
      '',
      'a"b',
      '\\',
      '\u00fc',
      ',',
      '}',
    );
    const document = fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: false });
    fc.assert(
      fc.property(document, name, fc.constantFrom(0, 1, '\t', '\r\n  '), (object, asked, space) => {
        const json = JSON.stringify(object, null, space as string);
        const value = Object.hasOwn(object, asked) ? object[asked] : undefined;
        const text = fieldText(json, asked);
        expect(text === null ? undefined : JSON.parse(text)).toEqual(
          value === undefined ? undefined : JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  test.each([
    ['{"a":1,"a":2}', 'a', '2'],
    ['{"\\u0061":1}', 'a', '1'],
    ['{"a": 12345678901234567890.10 }', 'a', '12345678901234567890.10'],
    ['{"x":{"a":1}}', 'a', null],
    ['{"x":"{\\"a\\":1}","a":[1,{"b":"]"}]}', 'a', '[1,{"b":"]"}]'],
    ['[{"a":1}]', 'a', null],
    ['"a"', 'a', null],
    ['{}', 'a', null],
    [' {"a" : null} ', 'a', 'null'],
  ])('%s: %s is %s', (json, name, expected) => {
    expect(fieldText(json, name)).toBe(expected);
  });

  test('depth costs no stack', () => {
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    expect(fieldText(`{"a":${deep}}`, 'a')).toBe(deep);
  });
});

test('pathText goes down', () => {
  expect(pathText('{"a":{"b":{"c":7}}}', ['a', 'b', 'c'])).toBe('7');
  expect(pathText('{"a":{"b":7}}', ['a', 'x', 'c'])).toBeNull();
  expect(pathText('[1]', [])).toBe('[1]');
});

describe('hasMemberTwice', () => {
  const of = (json: string) => hasMemberTwice(json, JSON.parse(json));

  test.each([
    ['{"a":1,"a":1}', true],
    ['{"a":1,"\\u0061":2}', true],
    ['[{"b":[{"a":{},"c":0,"a":[]}]}]', true],
    ['{"__proto__":1,"__proto__":2}', true],
    ['{"a":{"a":{"a":1}}}', false],
    ['[{"a":1},{"a":1}]', false],
    ['{"a:b":":","c":"{\\":1}"}', false],
    ['":"', false],
    ['7', false],
  ])('%s: %s', (json, expected) => {
    expect(of(json)).toBe(expected);
  });

  test('of any document, as a walk along what was written says', () => {
    type Written =
      | string
      | { readonly members: readonly (readonly [string, Written])[] }
      | readonly Written[];
    const { document } = fc.letrec<{ document: Written }>((tie) => ({
      document: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.record({
          members: fc.array(fc.tuple(fc.constantFrom('a', 'b', ':', '__proto__'), tie('document')), {
            maxLength: 3,
          }),
        }),
        fc.array(tie('document'), { maxLength: 3 }),
      ),
    }));
    const text = (one: Written): string => {
      if (typeof one === 'string') return JSON.stringify(one);
      if (!('members' in one)) return `[${one.map(text).join(' ,')}]`;
      return `{${one.members.map(([name, value]) => `${JSON.stringify(name)} : ${text(value)}`).join(',')}}`;
    };
    // What JSON.parse drops counts like the rest: it was written.
    const twice = (one: Written): boolean => {
      if (typeof one === 'string') return false;
      if (!('members' in one)) return one.some(twice);
      const names = one.members.map(([name]) => name);
      return new Set(names).size < names.length || one.members.some(([, value]) => twice(value));
    };
    fc.assert(fc.property(document, (one) => of(text(one)) === twice(one)));
  });

  test('depth costs no stack', () => {
    expect(of(`${'[{"a":'.repeat(200_000)}1${'}]'.repeat(200_000)}`)).toBe(false);
  });
});

test.each([
  ['{"a":1}', '{"a":1}'],
  ['\ufeff{}', '{}'],
  ['', null],
  ['{', null],
  ['{"a":1}x', null],
  ['NaN', null],
  [Buffer.from([0x22, 0xff, 0x22]), null],
])('jsonText of %j', (bytes, expected) => {
  expect(jsonText(Buffer.from(bytes as string))).toBe(expected);
});
