import { describe, expect, test } from 'vitest';
import { bucketMeter, giveBack, type MeterState, type Reading, take, windowMeter } from './meter.ts';
import { windowEndMs } from './window.ts';

const fresh = (): MeterState => ({ value: 0, idleAtMs: 0, deniesUntilMs: 0 });
const out: Reading = { allowed: false, remaining: 0, waitMs: 0, resetMs: 0 };

describe.each([
  [1, 1],
  [20, 3],
  [100, 0.1],
  [1_000_000, 1_000],
  [7, 1 / 86_400],
  [1_000_000_000, 1_000_000],
])('a bucket of %d at %d a second', (capacity, rate) => {
  // After years the sums must still be exact.
  const startMs = 5 * 365 * 86_400_000 + 0.123;

  test('what a full one has goes at once, to the last token', () => {
    const meter = bucketMeter('m', capacity, rate);
    const state = fresh();
    const pieces = Math.min(capacity, 1000);
    for (let i = 0; i < pieces; i++) {
      take(meter, state, capacity / pieces, startMs, 0, false, out);
      expect(out.allowed).toBe(true);
    }
    expect(out.remaining).toBe(0);
    take(meter, state, 1, startMs, 0, false, out);
    expect(out.allowed).toBe(false);
  });

  test('the wait is enough, and a moment less is not', () => {
    const meter = bucketMeter('m', capacity, rate);
    const state = fresh();
    take(meter, state, capacity, startMs, 0, false, out);
    take(meter, state, 1, startMs, 0, true, out);
    const { waitMs } = out;
    expect(Math.abs(waitMs - 1000 / rate)).toBeLessThan(1 / rate + 0.01);
    take(meter, state, 1, startMs + waitMs * 0.9, 0, true, out);
    expect(out.allowed).toBe(false);
    take(meter, state, 1, startMs + waitMs + 0.001, 0, true, out);
    expect(out.allowed).toBe(true);
  });
});

test('what was given back is there again, and the place is free again', () => {
  const meter = bucketMeter('m', 2, 0.001);
  const state = fresh();
  take(meter, state, 2, 1000, 0, false, out);
  expect(state.deniesUntilMs).toBeGreaterThan(1000);
  giveBack(meter, state, 1, 1001);
  expect(state.deniesUntilMs).toBeLessThan(1001);
  take(meter, state, 1, 1001, 0, true, out);
  expect(out.allowed).toBe(true);
});

test('windows end where the calendar says', () => {
  const at = Date.UTC(2027, 11, 31, 23, 59, 58, 250);
  const iso = (['second', 'minute', 'hour', 'day', 'month'] as const).map((unit) =>
    new Date(windowEndMs(unit, at)).toISOString(),
  );
  expect(iso).toEqual(['2027-12-31T23:59:59.000Z', ...Array(4).fill('2028-01-01T00:00:00.000Z')]);
  expect(new Date(windowEndMs('month', Date.UTC(2028, 1, 29))).toISOString()).toBe(
    '2028-03-01T00:00:00.000Z',
  );
});

test('a window counts from its start in Unix time, whatever the clock of the program says', () => {
  const meter = windowMeter('w', 'minute', 1);
  const epochMs = Date.UTC(2027, 0, 1, 12, 0, 30);
  const state = fresh();
  take(meter, state, 1, 10_000, epochMs, false, out);
  expect(out.resetMs).toBe(20_000);
  take(meter, state, 1, 29_999, epochMs, false, out);
  expect([out.allowed, out.waitMs]).toEqual([false, 1]);
  take(meter, state, 1, 30_000, epochMs, false, out);
  expect([out.allowed, out.resetMs]).toEqual([true, 60_000]);
});
