import { expect, test } from 'vitest';
import { createLimitMemory, WAYS } from './memory.ts';
import { forgetThread, REFUSED, SharedPermits, UNCOUNTED } from './permits.ts';

const memoryOf = () => createLimitMemory({ threads: 3, bucketBytes: 512, permitKeys: 16 });

test('as many as may be over all threads, and one more when one ends', () => {
  const memory = memoryOf();
  const [a, b] = [new SharedPermits(memory, 0), new SharedPermits(memory, 1)];
  const first = a.acquire('limit', 'k', 2);
  expect(b.acquire('limit', 'k', 2)).toBeGreaterThanOrEqual(0);
  expect([a.acquire('limit', 'k', 2), b.acquire('limit', 'k', 2)]).toEqual([REFUSED, REFUSED]);
  expect(a.acquire('other', 'k', 2)).toBeGreaterThanOrEqual(0);
  a.release(first);
  expect(b.acquire('limit', 'k', 2)).toBe(first);
});

test('what a dead thread held is free, and what others hold is not', () => {
  const memory = memoryOf();
  const [a, b] = [new SharedPermits(memory, 0), new SharedPermits(memory, 1)];
  a.acquire('limit', 'k', 3);
  b.acquire('limit', 'k', 3);
  b.acquire('limit', 'k', 3);
  forgetThread(memory, 1);
  expect(a.acquire('limit', 'k', 3)).toBeGreaterThanOrEqual(0);
  expect(a.acquire('limit', 'k', 3)).toBeGreaterThanOrEqual(0);
  expect(a.acquire('limit', 'k', 3)).toBe(REFUSED);
});

test('a key without requests gives its place to another; when all have some the request is not counted', () => {
  const permits = new SharedPermits(memoryOf(), 0);
  const held = Array.from({ length: WAYS }, (_, i) => permits.acquire('limit', `k${i}`, 1));
  const none = permits.acquire('limit', 'more', 1);
  expect(none).toBe(UNCOUNTED);
  permits.release(none);
  permits.release(held[3]!);
  expect(permits.acquire('limit', 'more', 1)).toBe(held[3]);
  expect(permits.acquire('limit', 'k3', 1)).toBe(UNCOUNTED);
  expect(permits.acquire('limit', 'k2', 1)).toBe(REFUSED);
});
