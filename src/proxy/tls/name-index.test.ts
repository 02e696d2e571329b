import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Named, NameIndex } from './name-index.ts';

const label = fc.constantFrom('a', 'b', 'xn--bcher-kva', '*');
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const certificate = fc.array(name, { maxLength: 3 }).map((names): Named => ({ names }));

/** RFC 6125 section 6.4: slowly, name by name. */
function slowly(all: readonly Named[], host: string): Named | null {
  const isWildcardFor = (pattern: string): boolean => {
    const [first, ...rest] = host.split('.');
    return first !== '' && rest.length > 0 && pattern === ['*', ...rest].join('.');
  };
  const exact = all.find(({ names }) => names.some((one) => one === host));
  return exact ?? all.find(({ names }) => names.some(isWildcardFor)) ?? null;
}

test('finds what a search name by name finds', () => {
  fc.assert(
    fc.property(fc.array(certificate, { maxLength: 5 }), name, (all, host) => {
      const index = new NameIndex(all);
      expect(index.find(host)).toBe(slowly(all, host));
      expect(index.first).toBe(all[0] ?? null);
    }),
    { numRuns: 2_000 },
  );
});

test('a wildcard stands for one label, and the exact name goes before it', () => {
  const [wild, exact] = [{ names: ['*.shop.test'] }, { names: ['www.shop.test'] }];
  const index = new NameIndex([wild, exact]);
  expect(index.find('www.shop.test')).toBe(exact);
  expect(index.find('cart.shop.test')).toBe(wild);
  for (const host of ['shop.test', 'a.cart.shop.test', '.shop.test', '', 'test'])
    expect(index.find(host)).toBeNull();
});
