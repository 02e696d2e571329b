import { describe, expect, test } from 'vitest';
import { memberText } from '../../lib/structured-fields/model.ts';
import { parseDictionary } from '../../lib/structured-fields/parse.ts';
import { type SignedMessage, signatureBase } from './components.ts';
import { message } from './testing.ts';

describe('component values', () => {
  const value = (identifier: string, request: SignedMessage) => {
    const input = parseDictionary(`s=(${identifier})`).get('s')!;
    if (input.kind !== 'innerList') throw new Error('no list');
    return signatureBase(input, request)
      .split('\n')[0]!
      .slice(memberText(input.items[0]!).length + 2);
  };
  const request = message(
    'POST',
    'https://www.example.com/path%7e//x?param=value&foo=bar&qux=&var=this%20is%20a%20big%0Aline&plus=with+space&fa%C3%A7ade%22%3A%20=some~thing',
    [
      ['x-dict', ' a=1,    b=2;x=1;y=2, c=(a   b   c), d'],
      ['x-two', 'one'],
      ['x-two', 'two, three'],
      ['x-empty', ''],
      ['content-digest', 'sha-256=:AAAA:  ,  sha-512=:BBBB:'],
    ],
  );

  test.each([
    ['"@method"', 'POST'],
    ['"@scheme"', 'https'],
    ['"@authority"', 'www.example.com'],
    ['"@path"', '/path%7e//x'],
    ['"@query-param";name="qux"', ''],
    ['"@query-param";name="var"', 'this%20is%20a%20big%0Aline'],
    ['"@query-param";name="plus"', 'with%20space'],
    ['"@query-param";name="fa%C3%A7ade%22%3A%20"', 'some%7Ething'],
    ['"x-two"', 'one, two, three'],
    ['"x-two";bs', ':b25l:, :dHdvLCB0aHJlZQ==:'],
    ['"x-empty"', ''],
    ['"x-dict";key="b"', '2;x=1;y=2'],
    ['"x-dict";key="c"', '(a b c)'],
    ['"x-dict";key="d"', '?1'],
    ['"content-digest";sf', 'sha-256=:AAAA:, sha-512=:BBBB:'],
  ])('%s', (identifier, expected) => {
    expect(value(identifier, request)).toBe(expected);
  });

  test('an absent query is a question mark', () => {
    expect(value('"@query"', message('GET', 'https://shop.test/', []))).toBe('?');
    expect(value('"@request-target"', message('GET', 'https://shop.test/a?', []))).toBe('/a?');
    expect(value('"@target-uri"', message('GET', 'https://shop.test/a?b', []))).toBe('https://shop.test/a?b');
  });
});
