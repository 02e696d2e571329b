import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Seal, sealKeysProblem } from './seal.ts';

const OLD = 'an old key that has more than 32 characters';
const NEW = 'a newer key that has more than 32 characters';
const seal = new Seal(NEW);

test('what was sealed is opened, and looks like something else each time', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 10 }),
      (text, purpose) => {
        const sealed = seal.seal(text, purpose);
        expect(sealed).toMatch(/^[\w-]+$/);
        expect(seal.open(sealed, purpose)).toBe(text.toWellFormed());
        expect(seal.seal(text, purpose)).not.toBe(sealed);
      },
    ),
  );
});

test('whatever is changed of it, it is opened no more', () => {
  const sealed = Buffer.from(seal.seal('who it is', 'session'), 'base64url');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(seal.open(changed.toString('base64url'), 'session')).toBeNull();
  }
  for (let length = 0; length < sealed.length; length++) {
    expect(seal.open(sealed.subarray(0, length).toString('base64url'), 'session')).toBeNull();
  }
});

test('what is made up is not opened', () => {
  fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => seal.open(text, 'session') === null));
});

test('for one purpose it is of no use for another', () => {
  expect(seal.open(seal.seal('a', 'login'), 'session')).toBeNull();
});

test('the first key seals, all of them open', () => {
  const both = new Seal(`${NEW}\n${OLD}\n`);
  expect(both.open(new Seal(OLD).seal('a', 'p'), 'p')).toBe('a');
  expect(seal.open(both.seal('a', 'p'), 'p')).toBe('a');
  expect(new Seal(OLD).open(both.seal('a', 'p'), 'p')).toBeNull();
});

test.each([
  ['', 'it has no key'],
  ['\n \n', 'it has no key'],
  ['short', 'key 1 has 5 characters'],
  [`${NEW}\nshort`, 'key 2 has 5 characters'],
  [`${NEW}\n`.repeat(9), '9 keys'],
])('keys %j', (secret, problem) => {
  expect(sealKeysProblem(secret)).toContain(problem);
});

test('keys that will do', () => {
  expect(sealKeysProblem(`  ${NEW}  \n\n${OLD}\n`)).toBeNull();
});
