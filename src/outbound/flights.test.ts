import { expect, test } from 'vitest';
import { Flights } from './flights.ts';

test('equal questions at the same time are asked once, later ones again', async () => {
  const flights = new Flights<number>();
  let asked = 0;
  const ask = (key: string) => flights.share(key, async () => ++asked);
  expect(await Promise.all([ask('a'), ask('a'), ask('b'), ask('a')])).toEqual([1, 1, 2, 1]);
  expect(await ask('a')).toBe(3);
});

test('a failure is shared and not kept', async () => {
  const flights = new Flights<number>();
  const failing = () => flights.share('a', () => Promise.reject(new Error('no')));
  await expect(Promise.all([failing(), failing()])).rejects.toThrow('no');
  expect(await flights.share('a', async () => 1)).toBe(1);
});
