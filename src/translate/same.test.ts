import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BackendProtocol, ClusterIr, Endpoint } from '../ir/cluster.ts';
import type { ClusterNeed } from './backend.ts';
import { sameCluster, sameEndpoints, sameNeed } from './same.ts';

const text = fc.constantFrom('a', 'b');
const texts = fc.array(text, { maxLength: 2 });
const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  address: text,
  port: fc.nat(1),
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
  weight: fc.nat(1),
  zone: fc.option(text),
  hints: fc.option(fc.record({ nodes: texts, zones: texts })),
});
const endpoints = fc.array(endpoint, { maxLength: 2 });
const protocol: fc.Arbitrary<BackendProtocol> = fc.oneof(
  fc.constant({ kind: 'http' as const }),
  text.map((serverName) => ({ kind: 'https' as const, serverName })),
);
const cluster: fc.Arbitrary<ClusterIr> = fc.record({
  key: text,
  service: text,
  protocol,
  host: fc.option(text),
});
const need: fc.Arbitrary<ClusterNeed> = fc.record({
  ir: cluster,
  endpoints: fc.oneof(
    fc.record({ from: fc.constant('fixed' as const), list: endpoints }),
    fc.record({ from: fc.constant('service' as const), service: text, portName: text }),
  ),
});

/** A second one that differs in nothing, in one field, or in many. */
function pairs<T>(one: fc.Arbitrary<T>): fc.Arbitrary<[T, T]> {
  const mixed = fc.tuple(one, one, fc.nat(40)).map(([a, b, at]): [T, T] => {
    const leaves: [object, string, unknown][] = [];
    const copy = structuredClone(a);
    const walk = (mine: unknown, other: unknown): void => {
      if (typeof mine !== 'object' || mine === null || typeof other !== 'object' || other === null) return;
      for (const [key, value] of Object.entries(mine)) {
        const theirs = (other as Record<string, unknown>)[key];
        if (typeof value === 'object' && value !== null) walk(value, theirs);
        else if (theirs !== undefined) leaves.push([mine, key, theirs]);
      }
    };
    walk(copy, b);
    const leaf = leaves[at];
    if (leaf !== undefined) Reflect.set(leaf[0], leaf[1], leaf[2]);
    return [structuredClone(a), copy];
  });
  const any = fc.tuple(one, one).map((two) => structuredClone(two));
  return fc.oneof(any, mixed);
}

test('equal are those that have everything the same', () => {
  fc.assert(
    fc.property(pairs(need), pairs(endpoints), ([a, b], [c, d]) => {
      expect(sameNeed(a, b)).toBe(isDeepStrictEqual(a, b));
      expect(sameCluster(a.ir, b.ir)).toBe(isDeepStrictEqual(a.ir, b.ir));
      expect(sameEndpoints(c, d)).toBe(isDeepStrictEqual(c, d));
    }),
    { numRuns: 1000 },
  );
});
