import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('doubles up to its limit, half of it random', () => {
  const backoff = new Backoff({ baseMs: 100, maxMs: 1_000 });
  for (const full of [100, 200, 400, 800, 1_000, 1_000]) {
    const pauseMs = backoff.next();
    expect(pauseMs).toBeGreaterThanOrEqual(full / 2);
    expect(pauseMs).toBeLessThanOrEqual(full);
  }
  expect(backoff.failures).toBe(6);
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(100);
});

test('waits as long as it is asked to, within reason', () => {
  const backoff = new Backoff({ baseMs: 100, maxMs: 1_000 });
  expect(backoff.next(5_000)).toBe(5_000);
  expect(backoff.next(3_600_000)).toBe(60_000);
});
