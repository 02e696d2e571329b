import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatFieldPath, parseFieldPath, stepsOfPointer } from './field-path.ts';

test.each([
  [['spec', 'rules', 2, 'backends', 0], 'spec.rules[2].backends[0]'],
  [['metadata', 'labels', 'a/b'], 'metadata.labels["a/b"]'],
  [[], ''],
  [[0, 'a'], '[0].a'],
])('%j is %s', (steps, path) => {
  expect(formatFieldPath(steps)).toBe(path);
});

test('every path is read back as what it was', () => {
  const step = fc.oneof(fc.string(), fc.nat(1000), fc.constantFrom('spec', 'a"b', '', '__proto__', 'x]y'));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      expect(parseFieldPath(formatFieldPath(steps))).toEqual(steps);
    }),
  );
});

test('a JSON pointer follows the value: digits are an index only in a list', () => {
  expect(stepsOfPointer('/a/0/1/~1x~0', { a: [{ 1: { '/x~': 1 } }] })).toEqual(['a', 0, '1', '/x~']);
});
