import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { SharedBuckets } from './buckets.ts';
import { createLimitMemory, openRegion, WAYS } from './memory.ts';
import { bucketMeter, windowMeter } from './meter.ts';
import { forgetThread } from './permits.ts';
import { limitStoreContract } from './testing.ts';

const memoryOf = (bucketBytes: number) => createLimitMemory({ threads: 4, bucketBytes, permitKeys: 16 });
const shared = memoryOf(1 << 20);
limitStoreContract('shared memory', () => new SharedBuckets(shared.buckets, 0));

const ask = (meter: ReturnType<typeof bucketMeter>, key: string) => [
  { meter, key, cost: 1, shadow: false, peek: false },
];

describe('over threads', () => {
  /** Each worker asks until it has been refused a thousand times; they begin together. */
  const WORKER = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { memory, threadId, meter, keys, gate, modules } = workerData;
    import(modules).then(({ SharedBuckets }) => {
      const store = new SharedBuckets(memory.buckets, threadId);
      Atomics.add(gate, 0, 1);
      Atomics.wait(gate, 1, 0);
      const admitted = keys.map(() => 0);
      for (let i = 0; i < 20000; i++) {
        const k = i % keys.length;
        if (store.take([{ meter, key: keys[k], cost: 1, shadow: false, peek: false }]).admitted) admitted[k]++;
      }
      parentPort.postMessage(admitted);
    });`;

  it('a limit of N admits N, whoever asks', async () => {
    const memory = memoryOf(1 << 16);
    const keys = ['a', 'b', 'c', 'd'];
    const meter = bucketMeter('race', 3_001, 1e-6);
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const modules = new URL('./buckets.ts', import.meta.url).href;
    const workers = [0, 1, 2].map(
      (threadId) =>
        new Worker(WORKER, { eval: true, workerData: { memory, threadId, meter, keys, gate, modules } }),
    );
    const results = workers.map(
      (worker) =>
        new Promise<number[]>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    );
    while (Atomics.load(gate, 0) < workers.length) await new Promise((resolve) => setTimeout(resolve, 5));
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
    const counts = await Promise.all(results);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(keys.map((_, k) => counts.reduce((sum, one) => sum + one[k]!, 0))).toEqual([
      3001, 3001, 3001, 3001,
    ]);
  });

  it('a lock of a dead thread is freed, and what it counted stays', () => {
    const memory = memoryOf(512);
    const meter = bucketMeter('dead', 2, 1e-6);
    new SharedBuckets(memory.buckets, 1).take(ask(meter, 'k'));
    const { locks } = openRegion(memory.buckets);
    locks.fill(2);
    const other = new SharedBuckets(memory.buckets, 0);
    forgetThread(memory, 0);
    expect([...locks]).toEqual([2]);
    forgetThread(memory, 1);
    expect([...locks]).toEqual([0]);
    expect(other.take(ask(meter, 'k')).outcomes[0]!.remaining).toBe(0);
    expect(other.take(ask(meter, 'k')).admitted).toBe(false);
  });

  it('a lock that is never freed holds nobody up for ever', () => {
    const memory = memoryOf(512);
    openRegion(memory.buckets).locks.fill(9);
    const store = new SharedBuckets(memory.buckets, 0);
    expect(store.take(ask(bucketMeter('stuck', 1, 1), 'k')).admitted).toBe(true);
  });
});

describe('when the memory is full', () => {
  it('a bucket that refuses keeps its place', () => {
    const store = new SharedBuckets(memoryOf(512).buckets, 0);
    const meter = bucketMeter('full', 1, 1e-6);
    for (let i = 0; i < WAYS; i++) expect(store.take(ask(meter, `k${i}`)).admitted).toBe(true);
    for (let i = 0; i < 100; i++) expect(store.take(ask(meter, `more${i}`)).admitted).toBe(true);
    for (let i = 0; i < WAYS; i++) expect(store.take(ask(meter, `k${i}`)).admitted).toBe(false);
  });

  it('one that is as good as fresh goes first', () => {
    const store = new SharedBuckets(memoryOf(512).buckets, 0);
    const quick = bucketMeter('quick', 2, 1e6);
    const slow = bucketMeter('slow', 2, 1e-6);
    store.take(ask(quick, 'k'));
    for (let i = 0; i < WAYS; i++) store.take(ask(slow, `k${i}`));
    for (let i = 0; i < WAYS; i++) expect(store.take(ask(slow, `k${i}`)).outcomes[0]!.remaining).toBe(0);
  });
});

test('a bucket agrees with the slow model of one', () => {
  const steps = fc.array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c'), cost: fc.integer({ min: 1, max: 6 }) }),
    {
      maxLength: 60,
    },
  );
  let round = 0;
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.boolean(), (asked, limit, asWindow) => {
      const owner = `model-${round++}`;
      const meter = asWindow ? windowMeter(owner, 'month', limit) : bucketMeter(owner, limit, 1e-9);
      const store = new SharedBuckets(shared.buckets, 0);
      const left = new Map<string, number>();
      for (const { key, cost } of asked) {
        const before = left.get(key) ?? limit;
        const after = cost <= before ? before - cost : before;
        left.set(key, after);
        const { admitted, outcomes } = store.take([{ meter, key, cost, shadow: false, peek: false }]);
        expect([admitted, outcomes[0]!.remaining]).toEqual([cost <= before, after]);
      }
    }),
    { numRuns: 200 },
  );
});
