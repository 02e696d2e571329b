import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancing } from '../../ir/route.ts';
import { createPickers } from './balance.ts';
import { RetryBudget } from './budget.ts';
import { Endpoint } from './endpoint.ts';
import { FailingEndpoints } from './failing.ts';
import { endpointIr, poolOf } from './testing.ts';

const pool = poolOf();
const endpointsOf = (weights: readonly number[]): Endpoint[] =>
  weights.map((weight, i) => new Endpoint(endpointIr(i + 1, { weight }), null, pool, new FailingEndpoints()));

function counts(balancing: Balancing, endpoints: readonly Endpoint[], picks: number): number[] {
  const pickers = createPickers();
  const uniform = endpoints.every(({ ir }) => ir.weight === endpoints[0]!.ir.weight);
  const by = new Map(endpoints.map((endpoint) => [endpoint, 0]));
  for (let i = 0; i < picks; i++) {
    const picked = pickers.pick(balancing, endpoints, uniform);
    by.set(picked, by.get(picked)! + 1);
  }
  return [...by.values()];
}

describe('round robin', () => {
  it('gives each its weight, exactly, over every round', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (each, rounds) => {
        const uniform = each.every((weight) => weight === each[0]);
        const round = uniform ? each.length : each.reduce((a, b) => a + b);
        const share = each.map((weight) => (uniform ? 1 : weight) * rounds);
        expect(counts('roundRobin', endpointsOf(each), round * rounds)).toEqual(share);
      }),
    );
  });

  it('spreads the heavy one out', () => {
    const endpoints = endpointsOf([5, 1, 1]);
    const pickers = createPickers();
    const order = Array.from({ length: 7 }, () =>
      endpoints.indexOf(pickers.pick('roundRobin', endpoints, false)),
    );
    // The order that nginx documents for 5, 1, 1.
    expect(order).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });
});

describe('least request', () => {
  it('of two never takes the busier, by weight', () => {
    const side = fc.record({ active: fc.nat(20), weight: fc.integer({ min: 1, max: 10 }) });
    fc.assert(
      fc.property(side, side, (a, b) => {
        const endpoints = endpointsOf([a.weight, b.weight]);
        endpoints[0]!.active = a.active;
        endpoints[1]!.active = b.active;
        const load = (endpoint: Endpoint) => endpoint.active / endpoint.ir.weight;
        const picked = createPickers().pick('leastRequest', endpoints, false);
        expect(load(picked)).toBeLessThanOrEqual(Math.min(...endpoints.map(load)) + 1e-12);
      }),
    );
  });

  it('of many never takes the busiest, and all others at times', () => {
    const endpoints = endpointsOf([1, 1, 1, 1]);
    for (const [i, endpoint] of endpoints.entries()) endpoint.active = i;
    const [idle, low, high, busiest] = counts('leastRequest', endpoints, 2000);
    expect(busiest).toBe(0);
    expect(idle).toBeGreaterThan(low!);
    expect(low).toBeGreaterThan(high!);
    expect(high).toBeGreaterThan(0);
  });

  it('takes all where all are alike', () => {
    for (const count of counts('leastRequest', endpointsOf([1, 1, 1]), 3000))
      expect(count).toBeGreaterThan(700);
  });
});

describe('random', () => {
  it.each([[[1, 1]], [[1, 3]], [[2, 3, 5]]])('keeps to the weights %j', (weights) => {
    const picks = 20_000;
    const total = weights.reduce((a, b) => a + b);
    for (const [i, count] of counts('random', endpointsOf(weights), picks).entries()) {
      // Six standard deviations.
      const share = weights[i]! / total;
      expect(Math.abs(count - picks * share)).toBeLessThan(6 * Math.sqrt(picks * share * (1 - share)));
    }
  });
});

describe('RetryBudget', () => {
  it('allows a share of the requests, and three in any case', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.double({ min: 0, max: 1, noNaN: true }), (requests, share) => {
        const budget = new RetryBudget();
        budget.requests = requests;
        let taken = 0;
        while (taken < 500 && budget.take(share)) taken++;
        expect(taken).toBe(Math.ceil(Math.max(3, share * requests)));
        budget.give();
        expect([budget.take(share), budget.take(share)]).toEqual([true, false]);
      }),
    );
  });
});
