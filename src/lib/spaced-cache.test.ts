import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CacheSpace, SpacedCache } from './spaced-cache.ts';

test('what is used stays, what is not goes when the space is full', () => {
  const cache = new SpacedCache<number>(new CacheSpace(100));
  cache.set('used', 0, 10);
  for (let i = 1; i < 100; i++) {
    cache.set(`k${i}`, i, 10);
    expect(cache.get('used')).toBe(0);
  }
  expect(cache.get('k1')).toBeUndefined();
  expect(cache.get('k99')).toBe(99);
});

test('what is larger than half of the space is not kept', () => {
  const cache = new SpacedCache<number>(new CacheSpace(100));
  cache.set('small', 1, 10);
  cache.set('large', 1, 51);
  expect([cache.get('small'), cache.get('large')]).toEqual([1, undefined]);
});

test('delete, clear and close', () => {
  const cache = new SpacedCache<number>(new CacheSpace(100));
  for (const key of ['a', 'b']) cache.set(key, 1, 1);
  cache.delete('a');
  expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 1]);
  cache.clear();
  expect(cache.get('b')).toBeUndefined();
  cache.close();
});

test('caches of one space never hold more than it, and never give what was not put', () => {
  const step = fc.record({
    cache: fc.nat(1),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    bytes: fc.integer({ min: 1, max: 60 }),
    set: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const space = new CacheSpace(100);
      const caches = [new SpacedCache<number>(space), new SpacedCache<number>(space)];
      const model = [new Map<string, number>(), new Map<string, number>()];
      for (const { cache, key, bytes, set } of steps) {
        if (set) {
          caches[cache]!.set(key, bytes, bytes);
          if (bytes <= 50) model[cache]!.set(key, bytes);
        } else expect([undefined, model[cache]!.get(key)]).toContain(caches[cache]!.get(key));
      }
      const held = caches.flatMap((cache) => ['a', 'b', 'c', 'd', 'e'].map((key) => cache.get(key) ?? 0));
      expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(200);
    }),
  );
});
