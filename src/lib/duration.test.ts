import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const group = fc.record({
  count: fc.nat(99_999),
  unit: fc.constantFrom('h', 'm', 's', 'ms'),
});

describe('parseDuration', () => {
  test.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['0s', 0],
    ['1h', 3_600_000],
    ['1s2ms', 1002],
    ['2m5ms', 120_005],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    '30',
    's',
    '-1s',
    '1.5s',
    '1d',
    '100000s',
    '1s ',
    ' 1s',
    '1 s',
    '1S',
    '1s1s1s1s1s',
    '1s\n',
    '１s',
  ])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });

  test('is the sum of its groups', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 4 }), (groups) => {
        const text = groups.map(({ count, unit }) => `${count}${unit}`).join('');
        const ms = groups.reduce((sum, { count, unit }) => sum + count * UNIT_MS[unit], 0);
        expect(parseDuration(text)).toBe(ms);
      }),
    );
  });
});

describe('formatDuration', () => {
  test('is read back as what it was', () => {
    fc.assert(
      fc.property(fc.nat(99_999 * 3_600_000), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 100_000 * 3_600_000])('refuses %d', (ms) => {
    expect(() => formatDuration(ms)).toThrow(RangeError);
  });
});
