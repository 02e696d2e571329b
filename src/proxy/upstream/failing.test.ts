import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionWaiter } from './answer-handler.ts';
import { UpstreamCluster } from './cluster.ts';
import type { UpstreamConnection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { endpointIr, poolOf, SilentServer } from './testing.ts';

const IR = { key: 'c', service: 'c.test', protocol: { kind: 'http' }, host: null } as const;

let alive: SilentServer;
/** A port that refuses. */
let deadPort: number;

beforeEach(async () => {
  const dead = await SilentServer.start();
  deadPort = dead.port;
  alive = await SilentServer.start();
  await dead.stop();
});
afterEach(() => alive.stop());

function connect(endpoint: Endpoint): Promise<string> {
  return new Promise((resolve) => {
    const waiter: ConnectionWaiter = {
      onConnection(connection) {
        connection.destroy();
        resolve('connected');
      },
      onNoConnection: ({ code }) => resolve(code),
    };
    endpoint.connectFor(waiter);
  });
}

function clusterOf(...ports: readonly number[]) {
  const pool = poolOf();
  const cluster = new UpstreamCluster(IR, pool);
  cluster.setEndpoints(ports.map((port) => endpointIr(port)));
  const pickedPorts = (picks: number) =>
    Array.from({ length: picks }, () => cluster.pick('roundRobin', null)!.port);
  const find = (port: number) => {
    for (;;) {
      const endpoint = cluster.pick('roundRobin', null)!;
      if (endpoint.port === port) return endpoint;
    }
  };
  return { cluster, pool, pickedPorts, find };
}

describe('an endpoint that can not be reached', () => {
  it('is left out for a second, then asked by one request a second until it is back', async () => {
    const { pool, pickedPorts, find } = clusterOf(deadPort, alive.port);
    const dead = find(deadPort);
    expect(await connect(dead)).toBe('connectFailed');
    const failedAtMs = pool.wheel.nowMs;
    expect(new Set(pickedPorts(50))).toEqual(new Set([alive.port]));
    for (let second = 1; second <= 3; second++) {
      pool.wheel.nowMs = failedAtMs + second * 1_001;
      expect(pickedPorts(50).filter((port) => port === deadPort)).toHaveLength(1);
    }
  });

  it('gets its share again when a connection could be made', async () => {
    const { pool, pickedPorts, find } = clusterOf(deadPort, alive.port);
    const dead = find(deadPort);
    await connect(dead);
    const back = await SilentServer.start(deadPort);
    pool.wheel.nowMs += 1_001;
    expect(await connect(find(deadPort))).toBe('connected');
    expect(pickedPorts(50).filter((port) => port === deadPort)).toHaveLength(25);
    await back.stop();
  });

  it('gets its share again where a connection from before still serves', async () => {
    const endpoint = clusterOf(alive.port).find(alive.port);
    const waiter: ConnectionWaiter = { onConnection: () => undefined, onNoConnection: () => undefined };
    const kept = await new Promise<UpstreamConnection>((resolve) => {
      endpoint.connectFor({ ...waiter, onConnection: resolve });
    });
    endpoint.avoidedUntilMs = 1;
    endpoint.release(kept);
    expect(endpoint.acquire(waiter)).toBe(kept);
    expect(endpoint.avoidedUntilMs).toBe(0);
    kept.destroy();
  });

  it('is asked where no other is left', async () => {
    const { cluster, find, pickedPorts } = clusterOf(deadPort);
    await connect(find(deadPort));
    expect(pickedPorts(3)).toEqual([deadPort, deadPort, deadPort]);
    cluster.setEndpoints([endpointIr(deadPort), endpointIr(alive.port)]);
    expect(cluster.pick('roundRobin', [find(alive.port)])!.port).toBe(deadPort);
  });

  it('gives way to endpoints of other zones', async () => {
    const near = endpointIr(deadPort, { zone: 'a', hints: { zones: ['a'], nodes: [] } });
    const far = endpointIr(alive.port, { zone: 'b', hints: { zones: ['b'], nodes: [] } });
    const cluster = new UpstreamCluster(IR, poolOf({}, { place: { node: null, zone: 'a' } }));
    cluster.setEndpoints([near, far]);
    const dead = cluster.pick('roundRobin', null)!;
    expect(dead.port).toBe(deadPort);
    await connect(dead);
    expect(cluster.pick('roundRobin', null)!.port).toBe(alive.port);
  });
});
