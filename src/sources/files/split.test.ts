import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitDocuments } from './split.ts';

test.each<[string, string, [number, string][]]>([
  ['one', 'a: 1\n', [[0, 'a: 1\n']]],
  [
    'two',
    'a: 1\n---\nb: 2\n',
    [
      [0, 'a: 1\n'],
      [1, '---\nb: 2\n'],
    ],
  ],
  [
    'blank, comments and directives are none',
    '%YAML 1.2\n# x\n---\n\n--- # y\n...\n---\na: 1',
    [[6, '---\na: 1']],
  ],
  [
    'a marker with content',
    '--- {a: 1}\n--- |\n text\n',
    [
      [0, '--- {a: 1}\n'],
      [1, '--- |\n text\n'],
    ],
  ],
  [
    'an end marker',
    'a: 1\n...\n# c\nb: 2',
    [
      [0, 'a: 1\n...\n'],
      [2, '# c\nb: 2'],
    ],
  ],
  [
    'CRLF',
    'a: 1\r\n---\r\nb: 2\r\n',
    [
      [0, 'a: 1\r\n'],
      [1, '---\r\nb: 2\r\n'],
    ],
  ],
  ['dashes within a line or longer', 'a: ---\n----\n  ---\n', [[0, 'a: ---\n----\n  ---\n']]],
  [
    'an open quote ends at the marker',
    'a: "x\n---\nb: 1',
    [
      [0, 'a: "x\n'],
      [1, '---\nb: 1'],
    ],
  ],
])('%s', (_, stream, expected) => {
  expect(splitDocuments(stream).map(({ linesBefore, text }) => [linesBefore, text])).toEqual(expected);
});

test('every document stands where it says', () => {
  const line = fc.constantFrom('---', '...', 'a: 1', '# c', '', '--- x', '%TAG', '- |', '  text');
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, lineEnd) => {
      const stream = lines.join(lineEnd);
      for (const { text, linesBefore } of splitDocuments(stream)) {
        expect(stream.split('\n').slice(linesBefore).join('\n').startsWith(text)).toBe(true);
      }
    }),
  );
});

test('a long run of comments takes linear time', () => {
  expect(splitDocuments('# x\n'.repeat(200_000))).toEqual([]);
});
