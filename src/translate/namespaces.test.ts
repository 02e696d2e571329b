import { expect, test } from 'vitest';
import { mayRefer } from './namespaces.ts';

const pairs = (...list: readonly [string, string][]) =>
  ({ kind: 'pairs', pairs: list.map(([from, to]) => ({ from, to })) }) as const;

test('a namespace may always refer to itself', () => {
  expect(mayRefer(pairs(), 'shop', 'shop')).toBe(true);
});

test('without a pair no other namespace may be referred to', () => {
  expect(mayRefer(pairs(), 'shop', 'ops')).toBe(false);
  expect(mayRefer({ kind: 'any' }, 'shop', 'ops')).toBe(true);
});

test('a pair has one direction, and says nothing of a third namespace', () => {
  const rules = pairs(['shop', 'ops'], ['ops', 'bank']);
  expect(mayRefer(rules, 'shop', 'ops')).toBe(true);
  expect(mayRefer(rules, 'ops', 'shop')).toBe(false);
  expect(mayRefer(rules, 'shop', 'bank')).toBe(false);
});

test('a star is every namespace', () => {
  expect(mayRefer(pairs(['*', 'shared']), 'shop', 'shared')).toBe(true);
  expect(mayRefer(pairs(['*', 'shared']), 'shop', 'ops')).toBe(false);
  expect(mayRefer(pairs(['tools', '*']), 'tools', 'ops')).toBe(true);
  expect(mayRefer(pairs(['*', '*']), 'a', 'b')).toBe(true);
});
