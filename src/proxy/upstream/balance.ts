import type { Balancing } from '../../ir/route.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Smooth weighted round robin: over any `sum of weights` picks each endpoint gets its weight, spread out
 * rather than in runs. Linear in the number of endpoints, so it is used only where weights differ.
 */
function pickSmoothWeighted(endpoints: readonly Endpoint[]): Endpoint {
  let total = 0;
  let best = endpoints[0]!;
  for (const endpoint of endpoints) {
    total += endpoint.ir.weight;
    endpoint.currentWeight += endpoint.ir.weight;
    if (endpoint.currentWeight > best.currentWeight) best = endpoint;
  }
  best.currentWeight -= total;
  return best;
}

function randomIndex(length: number): number {
  return Math.floor(Math.random() * length);
}

/** Power of two choices: within a factor of the best of all, at the price of two looks. */
function pickLeastRequest(endpoints: readonly Endpoint[]): Endpoint {
  const count = endpoints.length;
  if (count === 1) return endpoints[0]!;
  const firstIndex = randomIndex(count);
  const first = endpoints[firstIndex]!;
  const second = endpoints[(firstIndex + 1 + randomIndex(count - 1)) % count]!;
  // Active requests per weight, compared crosswise to stay in integers.
  return second.active * first.ir.weight < first.active * second.ir.weight ? second : first;
}

function pickRandomWeighted(endpoints: readonly Endpoint[]): Endpoint {
  let total = 0;
  for (const endpoint of endpoints) total += endpoint.ir.weight;
  let at = Math.random() * total;
  for (const endpoint of endpoints) {
    at -= endpoint.ir.weight;
    if (at < 0) return endpoint;
  }
  return endpoints[endpoints.length - 1]!;
}

/** Each thread starts its round at another place, so that many threads do not march in step. */
function roundRobin(): (endpoints: readonly Endpoint[]) => Endpoint {
  let next = randomIndex(1 << 16);
  return (endpoints) => {
    next = (next + 1) & 0x3fffffff;
    return endpoints[next % endpoints.length]!;
  };
}

/** The pickers of one cluster, by balancing; `uniform`: all weights are equal. */
export interface Pickers {
  pick(balancing: Balancing, endpoints: readonly Endpoint[], uniform: boolean): Endpoint;
}

export function createPickers(): Pickers {
  const next = roundRobin();
  return {
    pick(balancing, endpoints, uniform) {
      switch (balancing) {
        case 'roundRobin':
          return uniform ? next(endpoints) : pickSmoothWeighted(endpoints);
        case 'random':
          return uniform ? endpoints[randomIndex(endpoints.length)]! : pickRandomWeighted(endpoints);
        case 'leastRequest':
          return pickLeastRequest(endpoints);
      }
    },
  };
}
