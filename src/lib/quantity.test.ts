import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuantity } from './quantity.ts';

const FACTORS = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
} as const;

describe('parseQuantity', () => {
  test.each([
    ['0', 0],
    ['512', 512],
    [512, 512],
    ['64Ki', 65_536],
    ['1.5Mi', 1_572_864],
    ['2G', 2_000_000_000],
    ['0.1', 1],
    ['1.0000001k', 1001],
    ['7Pi', 7 * 2 ** 50],
  ])('%s', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes);
  });

  test.each([
    '',
    '-1',
    '+1',
    '1K',
    '1ki',
    '100m',
    '1e3',
    '1 Ki',
    '.5',
    '5.',
    '1_000',
    'Ki',
    '8Pi',
    '9Ei',
    -1,
    1e21,
    Number.NaN,
  ])('refuses %j', (text) => {
    expect(() => parseQuantity(text)).toThrow(RangeError);
  });

  test('is the number times its factor', () => {
    const unit = fc.constantFrom(...(Object.keys(FACTORS) as (keyof typeof FACTORS)[]));
    fc.assert(
      fc.property(fc.nat(4095), unit, (count, suffix) => {
        expect(parseQuantity(`${count}${suffix}`)).toBe(count * FACTORS[suffix]);
      }),
    );
  });

  test('rounds fractions of a byte up', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(999), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, '0')}`;
        expect(parseQuantity(text)).toBe(thousandths === 0 ? whole : whole + 1);
      }),
    );
  });
});
