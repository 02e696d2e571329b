import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldText, jsonText, pathText } from './json-text.ts';

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
