import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLimitMemory, WAYS } from './memory.ts';
import { SharedNonces } from './nonces.ts';
import { forgetThread } from './permits.ts';

const memoryOf = (nonceBytes: number) =>
  createLimitMemory({ threads: 2, bucketBytes: 512, permitKeys: 16, nonceBytes });

test('a nonce is used once over all threads, until it expires', () => {
  const { nonces } = memoryOf(4096);
  const [a, b] = [new SharedNonces(nonces, 0), new SharedNonces(nonces, 1)];
  expect(a.use('key', 'n', 1000, 0)).toBe('fresh');
  expect(b.use('key', 'n', 1000, 999)).toBe('used');
  expect(b.use('other', 'n', 1000, 999)).toBe('fresh');
  expect(b.use('key', 'n', 2000, 1000)).toBe('fresh');
  expect(a.use('key', 'n', 2000, 1500)).toBe('used');
});

test('a full set gives up what expires first, and admits only what expires later', () => {
  const nonces = new SharedNonces(memoryOf(1).nonces, 0);
  for (let i = 0; i < WAYS; i++) expect(nonces.use('key', `n${i}`, 1000 + i, 0)).toBe('fresh');
  expect(nonces.use('key', 'early', 1000, 0)).toBe('forgotten');
  expect(nonces.use('key', 'late', 2000, 0)).toBe('fresh');
  expect(nonces.use('key', 'n0', 1000, 0)).toBe('forgotten');
  expect(nonces.use('key', 'n1', 1001, 0)).toBe('used');
  expect(nonces.use('key', 'next', 1001, 0)).toBe('forgotten');
  // At 1001 what was given up is of no use any more, and a place is free.
  expect(nonces.use('key', 'then', 1500, 1001)).toBe('fresh');
});

test('what a dead thread held is free', () => {
  const memory = memoryOf(1);
  new Int32Array(memory.nonces, 64, 1)[0] = 2;
  forgetThread(memory, 1);
  expect(new SharedNonces(memory.nonces, 0).use('key', 'n', 10, 0)).toBe('fresh');
});

/** What a memory without end would say; "forgotten" may stand for either. */
test('however little memory there is, none is admitted twice', () => {
  const uses = fc.array(
    fc.record({
      nonce: fc.integer({ min: 0, max: 40 }),
      wait: fc.nat(3),
      life: fc.integer({ min: 1, max: 60 }),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(uses, fc.constantFrom(1, 600), (all, nonceBytes) => {
      const { nonces } = memoryOf(nonceBytes);
      const threads = [new SharedNonces(nonces, 0), new SharedNonces(nonces, 1)];
      const expiryOf = new Map<number, number>();
      let nowMs = 0;
      all.forEach(({ nonce, wait, life }, i) => {
        nowMs += wait;
        // A signature is made once: its nonce comes again with the same expiry.
        const known = expiryOf.get(nonce);
        const live = known !== undefined && known > nowMs;
        const expiresAtMs = live ? known : nowMs + life;
        const verdict = threads[i % 2]!.use('key', `n${nonce}`, expiresAtMs, nowMs);
        if (live) expect(verdict).not.toBe('fresh');
        else expect(verdict).not.toBe('used');
        if (verdict === 'fresh') expiryOf.set(nonce, expiresAtMs);
      });
    }),
  );
});
