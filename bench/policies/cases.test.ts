import { expect, it } from 'vitest';
import { policyCatalogue } from '../../src/policies/index.ts';
import { CASES } from './cases.ts';
import { measure } from './measure.ts';

it('every policy has a case, and every case is one of a policy, or the chain', () => {
  const measured = new Set(CASES.map(({ policy }) => policy));
  expect([...measured].toSorted()).toEqual(['', ...policyCatalogue.keys()].toSorted());
});

it.each(CASES.map((one) => [`${one.policy}, ${one.what}`, one] as const))(
  '%s: does what it says',
  async (_, one) => {
    const { median } = await measure(one, { rounds: 1, warmUp: 2, iterations: 2 });
    expect(median).toEqual(expect.any(Number));
  },
);
