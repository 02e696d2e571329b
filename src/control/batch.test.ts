import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Batcher } from './batch.ts';

test('a single change goes at once, together with the rest of its turn', async () => {
  const flushed: string[][] = [];
  const batcher = new Batcher<string>(10_000, (items) => flushed.push(items));
  batcher.add(['a']);
  batcher.add(['b']);
  expect(flushed).toEqual([]);
  await sleep(1);
  expect(flushed).toEqual([['a', 'b']]);
  batcher.close();
});

test('a storm is passed on together, in order, and nothing of it is lost', async () => {
  const flushed: number[][] = [];
  const batcher = new Batcher<number>(20, (items) => flushed.push(items));
  for (let item = 0; item < 200; item += 1) {
    batcher.add([item]);
    if (item % 10 === 9) await sleep(1);
  }
  await sleep(60);
  expect(flushed.flat()).toEqual(Array.from({ length: 200 }, (_, index) => index));
  expect(flushed.length).toBeLessThan(100);
  batcher.close();
});

test('what was not passed on is forgotten on close', async () => {
  const flushed: string[][] = [];
  const batcher = new Batcher<string>(5, (items) => flushed.push(items));
  batcher.add(['a']);
  batcher.close();
  await sleep(10);
  expect(flushed).toEqual([]);
});
