import net from 'node:net';
import type { Endpoint as EndpointIr } from '../../ir/cluster.ts';
import type { PoolLimits } from '../../ir/settings.ts';
import type { UpstreamMetrics } from '../../observe/thread-metrics.ts';
import { guardedLookup } from '../../outbound/lookup.ts';
import { HeadMemo } from '../http1/head-memo.ts';
import { Wheel } from '../wheel.ts';
import type { PoolContext } from './endpoint.ts';

/** For the unit tests of clusters and pools. */

class Count {
  value = 0;
  add(amount: number): void {
    this.value += amount;
  }
  set(value: number): void {
    this.value = value;
  }
}

/** Real counters that a test can read. */
export class CountingMetrics implements UpstreamMetrics {
  readonly connectionsOpen = new Count();
  readonly connectionsIdle = new Count();
  readonly requestsPending = new Count();
  readonly connectFailures = new Count();
  readonly retries = new Count();
  released = 0;
  status(): void {}
  release(): void {
    this.released++;
  }
  /** Open, idle, pending. */
  get gauges(): readonly [open: number, idle: number, pending: number] {
    return [this.connectionsOpen.value, this.connectionsIdle.value, this.requestsPending.value];
  }
}

export interface TestPool extends PoolContext {
  readonly metrics: CountingMetrics;
}

export function poolOf(more: Partial<PoolLimits> = {}, times: Partial<PoolContext> = {}): TestPool {
  return {
    pool: { maxConnectionsPerEndpoint: 10, maxPendingPerEndpoint: 10, maxIdlePerEndpoint: 10, ...more },
    limits: {
      maxHeadBytes: 8192,
      maxHeaders: 100,
      maxTargetBytes: 8192,
      maxTrailerBytes: 4096,
      maxChunkExtensionBytes: 4096,
      maxBodyBytes: 0,
      maxHeldBodyBytes: 0,
      maxPipelined: 16,
      maxRequestsPerConnection: 0,
      maxConnections: 100,
    },
    responseMemo: new HeadMemo(),
    connectMs: 2000,
    idleMs: 60_000,
    wheel: new Wheel(),
    place: { node: null, zone: null },
    lookup: guardedLookup({ allowLoopback: true, allowLinkLocal: false }),
    onFault(error) {
      throw error;
    },
    ...times,
    metrics: new CountingMetrics(),
  };
}

export function endpointIr(port: number, more: Partial<EndpointIr> = {}): EndpointIr {
  const health = { ready: true, serving: true, terminating: false };
  return { address: '127.0.0.1', port, ...health, weight: 1, zone: null, hints: null, ...more };
}

/** A server that accepts and says what it is told to. */
export class SilentServer {
  readonly sockets: net.Socket[] = [];
  readonly #server = net.createServer({ allowHalfOpen: true }, (socket) => {
    this.sockets.push(socket);
    socket.on('error', () => undefined).resume();
  });

  /** @param port 0: a free one */
  static async start(port = 0): Promise<SilentServer> {
    const made = new SilentServer();
    await new Promise<void>((resolve) => made.#server.listen(port, '127.0.0.1', resolve));
    return made;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Ends everything; the port then refuses. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
