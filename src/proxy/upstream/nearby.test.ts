import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointHints } from '../../ir/cluster.ts';
import { UpstreamCluster } from './cluster.ts';
import { nearby } from './nearby.ts';
import { endpointIr, poolOf } from './testing.ts';

const endpoint = (name: string, hints: Partial<EndpointHints> | null) => ({
  name,
  ir: { hints: hints === null ? null : { nodes: [], zones: [], ...hints } },
});
type Named = ReturnType<typeof endpoint>;
const names = (endpoints: readonly Named[]) => endpoints.map(({ name }) => name);
const HERE = { node: 'n1', zone: 'a' };
const a = endpoint('a', { zones: ['a'] });
const b = endpoint('b', { zones: ['b'] });

describe('nearby', () => {
  test.each<[string, readonly Named[], readonly string[]]>([
    ['the endpoints of the zone', [a, b], ['a']],
    ['one that is for several zones', [endpoint('ab', { zones: ['a', 'b'] }), b], ['ab']],
    ['all, where the zone has none', [b, endpoint('c', { zones: ['c'] })], ['b', 'c']],
    ['all, where one has no hint', [a, b, endpoint('none', null)], ['a', 'b', 'none']],
    [
      'those of the node before those of the zone',
      [endpoint('n1', { nodes: ['n1'], zones: ['a'] }), endpoint('n2', { nodes: ['n2'], zones: ['a'] })],
      ['n1'],
    ],
    [
      'those of the zone, where the node has none',
      [endpoint('n2', { nodes: ['n2'], zones: ['a'] }), endpoint('n3', { nodes: ['n3'], zones: ['b'] })],
      ['n2'],
    ],
    ['nobody of nobody', [], []],
  ])('%s', (_, endpoints, expected) => {
    expect(names(nearby(endpoints, HERE))).toEqual(expected);
  });

  test('all, where we do not know where we are', () => {
    expect(names(nearby([a, b], { node: null, zone: null }))).toEqual(['a', 'b']);
  });

  test('is never empty where there is an endpoint, and never makes one up', () => {
    const place = fc.constantFrom('a', 'b', 'c');
    const hints = fc.option(fc.record({ nodes: fc.array(place), zones: fc.array(place) }));
    const here = fc.record({ node: fc.option(place), zone: fc.option(place) });
    fc.assert(
      fc.property(fc.array(hints), here, (all, at) => {
        const endpoints = all.map((each, index) => endpoint(String(index), each));
        const chosen = nearby(endpoints, at);
        expect(chosen.length > 0).toBe(endpoints.length > 0);
        expect(chosen.every((one) => endpoints.includes(one))).toBe(true);
      }),
    );
  });
});

describe('a cluster with endpoints of two zones', () => {
  const hints = (...zones: string[]) => ({ hints: { nodes: [], zones } });
  const clusterOf = (...endpoints: Parameters<typeof endpointIr>[1][]) => {
    const cluster = new UpstreamCluster(
      { key: 'c', service: 'c.test', protocol: { kind: 'http' }, host: null },
      poolOf({}, { place: HERE }),
    );
    cluster.setEndpoints(endpoints.map((more, index) => endpointIr(index + 1, more)));
    return cluster;
  };
  const ports = (cluster: UpstreamCluster, balancing: 'roundRobin' | 'random' = 'roundRobin') =>
    new Set(Array.from({ length: 50 }, () => cluster.pick(balancing, null)?.port));

  test('prefers its own, until none of it is ready', () => {
    expect(ports(clusterOf(hints('a'), hints('b'), hints('a')))).toEqual(new Set([1, 3]));
    expect(ports(clusterOf({ ...hints('a'), ready: false, serving: false }, hints('b')))).toEqual(
      new Set([2]),
    );
    const terminating = { ready: false, serving: true, terminating: true };
    expect(ports(clusterOf({ ...hints('b'), ...terminating }))).toEqual(new Set([1]));
  });

  test('tries the other zone when its own endpoints were tried', () => {
    const cluster = clusterOf(hints('a'), hints('b'), hints('b'));
    const first = cluster.pick('roundRobin', null)!;
    expect(first.port).toBe(1);
    const second = cluster.pick('roundRobin', [first])!;
    expect(second.port).toBeGreaterThan(1);
    expect(cluster.pick('roundRobin', [first, second])!.port).toBe(5 - second.port);
  });

  test('weights count within it', () => {
    const cluster = clusterOf({ ...hints('a'), weight: 3 }, { ...hints('a'), weight: 1 }, hints('b'));
    const counts = new Map<number, number>();
    for (let picks = 0; picks < 40; picks += 1) {
      const { port } = cluster.pick('roundRobin', null)!;
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    expect([...counts]).toEqual([
      [1, 30],
      [2, 10],
    ]);
  });
});
