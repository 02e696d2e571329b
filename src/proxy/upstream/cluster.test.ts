import { describe, expect, it } from 'vitest';
import type { ClusterIr, Endpoint as EndpointIr } from '../../ir/cluster.ts';
import { UpstreamCluster } from './cluster.ts';
import { endpointIr, poolOf } from './testing.ts';

const IR: ClusterIr = { key: 'c', service: 'c.test', protocol: { kind: 'http' }, host: null };
const READY = {};
const TERMINATING = { ready: false, serving: true, terminating: true };
const FAILING = { ready: false, serving: false, terminating: false };
const GONE = { ready: false, serving: false, terminating: true };

function clusterOf(...endpoints: Partial<EndpointIr>[]): UpstreamCluster {
  const cluster = new UpstreamCluster(IR, poolOf());
  cluster.setEndpoints(endpoints.map((more, i) => endpointIr(i + 1, more)));
  return cluster;
}

/** Ports that are ever picked. */
function picked(cluster: UpstreamCluster): number[] {
  const ports = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const endpoint = cluster.pick('roundRobin', null);
    if (endpoint !== null) ports.add(endpoint.port);
  }
  return [...ports].sort();
}

describe('UpstreamCluster.pick', () => {
  it.each<[string, Partial<EndpointIr>[], number[]]>([
    ['nobody', [], []],
    ['the ready ones', [READY, READY], [1, 2]],
    ['not the terminating while one is ready', [READY, TERMINATING, FAILING], [1]],
    ['the terminating that still serve, as a last resort', [TERMINATING, GONE, FAILING], [1]],
    ['never what neither is ready nor serves', [GONE, FAILING], []],
    ['never weight 0', [{ weight: 0 }, READY], [2]],
    ['nobody where all have weight 0', [{ weight: 0 }], []],
    ['the terminating where the only ready one has weight 0', [{ weight: 0 }, TERMINATING], [2]],
  ])('%s', (_, endpoints, ports) => {
    expect(picked(clusterOf(...endpoints))).toEqual(ports);
  });

  it('avoids what was tried while another is left', () => {
    const cluster = clusterOf(READY, READY, READY);
    const first = cluster.pick('random', null)!;
    const second = cluster.pick('random', [first])!;
    for (let i = 0; i < 20; i++) {
      expect(cluster.pick('random', [first])).not.toBe(first);
      expect([first, second]).not.toContain(cluster.pick('roundRobin', [first, second]));
    }
    const third = cluster.pick('random', [first, second])!;
    expect(cluster.pick('random', [first, second, third])).not.toBeNull();
  });
});

describe('UpstreamCluster.setEndpoints', () => {
  it('keeps those that stay, with what they count', () => {
    const cluster = clusterOf(READY, READY);
    const one = cluster.pick('random', [])!;
    one.active = 7;
    cluster.setEndpoints([endpointIr(one.port, { weight: 5 })]);
    const same = cluster.pick('random', null)!;
    expect(same).toBe(one);
    expect([same.active, same.ir.weight, same.removed]).toEqual([7, 5, false]);
  });

  it('retires those that go; what comes back is another one', () => {
    const cluster = clusterOf(READY);
    const one = cluster.pick('random', null)!;
    cluster.setEndpoints([]);
    expect([one.removed, cluster.pick('random', null)]).toEqual([true, null]);
    cluster.setEndpoints([endpointIr(1)]);
    expect(cluster.pick('random', null)).not.toBe(one);
  });

  it('an endpoint spoken to in another way is another one', () => {
    const cluster = clusterOf(READY);
    const plain = cluster.pick('random', null)!;
    cluster.update({ ...IR, host: 'b.test' });
    expect(cluster.pick('random', null)).toBe(plain);
    cluster.update({ ...IR, protocol: { kind: 'https', serverName: 'a.test' } });
    const tls = cluster.pick('random', null)!;
    expect([plain.removed, tls.tls]).toEqual([true, { serverName: 'a.test' }]);
    cluster.update({ ...IR, protocol: { kind: 'https', serverName: 'b.test' } });
    expect(cluster.pick('random', null)).not.toBe(tls);
  });

  it('gives its series back when it has left the table', () => {
    const pool = poolOf();
    const cluster = new UpstreamCluster(IR, pool);
    cluster.setEndpoints([endpointIr(1)]);
    cluster.retire();
    expect([pool.metrics.released, cluster.pick('random', null)]).toEqual([1, null]);
  });
});
