import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Governor, type LoadReading, PRIORITIES } from './governor.ts';

const TARGETS = { maxDelayMs: 100, maxMemoryBytes: 1000 };
const calm: LoadReading = { delayMs: 1, memoryBytes: 100 };
const late: LoadReading = { delayMs: 150, memoryBytes: 100 };
const shares = (governor: Governor) => PRIORITIES.map((priority) => governor.shareOf(priority));

function after(...readings: readonly LoadReading[]): Governor {
  const governor = new Governor(TARGETS);
  for (const reading of readings) governor.update(reading);
  return governor;
}
const times = (count: number, reading: LoadReading) => Array.from({ length: count }, () => reading);

test('an idle thread turns nobody away', () => {
  expect(shares(after(...times(1000, calm)))).toEqual([0, 0, 0, 0]);
});

test('low goes first, then normal, then high, critical never', () => {
  const governor = new Governor(TARGETS);
  const seen: string[] = [];
  for (let i = 0; i < 30; i++) {
    governor.update(late);
    const now = shares(governor);
    for (let rank = 1; rank < now.length; rank++) if (now[rank]! > 0) expect(now[rank - 1]).toBe(1);
    seen.push(now.map((share) => Math.ceil(share)).join(''));
  }
  expect([...new Set(seen)]).toEqual(['1000', '1100', '1110']);
});

test('the more it is late the sooner', () => {
  expect(after({ ...late, delayMs: 1000 }).pressure).toBeGreaterThan(
    after({ ...late, delayMs: 110 }).pressure,
  );
});

test('between calm and late nothing changes, and calm lets everyone in again', () => {
  const between = { delayMs: 80, memoryBytes: 100 };
  const governor = after(...times(3, late), ...times(50, between));
  expect(governor.pressure).toBe(after(...times(3, late)).pressure);
  for (const reading of times(50, calm)) governor.update(reading);
  expect(shares(governor)).toEqual([0, 0, 0, 0]);
});

test('memory counts like delay, with a gap before it is calm', () => {
  expect(after({ delayMs: 1, memoryBytes: 1001 }).pressure).toBeGreaterThan(0);
  const held = after({ delayMs: 1, memoryBytes: 1001 }, { delayMs: 1, memoryBytes: 990 });
  expect(held.pressure).toBe(after({ delayMs: 1, memoryBytes: 1001 }).pressure);
});

test('whatever happens, shares lie between 0 and 1 and fall with priority', () => {
  const reading = fc.record({
    delayMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
    memoryBytes: fc.nat(2000),
  });
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 60 }), (readings) => {
      const now = shares(after(...readings));
      expect(now.every((share) => share >= 0 && share <= 1)).toBe(true);
      expect(now).toEqual(now.toSorted((a, b) => b - a));
    }),
  );
});
