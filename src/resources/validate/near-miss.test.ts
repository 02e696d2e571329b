import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearMiss } from './near-miss.ts';

const FIELDS = ['path', 'prefix', 'methods', 'headers', 'backends', 'on', 'maxBodyBytes'];

test.each([
  ['pathh', 'path'],
  ['metods', 'methods'],
  ['haeders', 'headers'],
  ['maxbodybytes', 'maxBodyBytes'],
  ['backend', 'backends'],
  ['pre', 'prefix'],
  ['max', 'maxBodyBytes'],
  ['suffix', null],
  ['timeouts', null],
  ['x', null],
  ['he', null],
  ['', null],
])('%s: %s', (word, expected) => {
  expect(nearMiss(word, FIELDS)).toBe(expected);
});

test('one edit away from a long name is always found', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('methods', 'headers', 'backends'),
      fc.nat(6),
      fc.stringMatching(/^[a-z]$/),
      (name, at, letter) => {
        expect(nearMiss(name.slice(0, at) + letter + name.slice(at + 1), [name])).toBe(name);
        expect(nearMiss(name.slice(0, at) + name.slice(at + 1), [name])).toBe(name);
        expect(nearMiss(name.slice(0, at) + letter + name.slice(at), [name])).toBe(name);
      },
    ),
  );
});
