import { Type } from 'typebox';
import type { Endpoint } from '../../src/ir/cluster.ts';
import { NO_CHANGE } from '../../src/ir/gateway.ts';
import type { ThreadMessage } from '../../src/ir/messages.ts';
import type { ForwardAction, PolicyRef, RouteAction, RuleIr } from '../../src/ir/route.ts';
import type { GatewaySettings, HttpLimits, HttpTimeouts, PoolLimits } from '../../src/ir/settings.ts';
import { NO_ACCESS_LOG } from '../../src/observe/access-record.ts';
import { createThreadMetrics } from '../../src/observe/data-plane-metrics.ts';
import type { FamilyKey } from '../../src/observe/families.ts';
import type { ObserveThreadMessage, SeriesAnnouncement } from '../../src/observe/messages.ts';
import type { BoundPolicy, PolicyCatalogue } from '../../src/pipeline/policy.ts';
import { definePolicy } from '../../src/pipeline/policy.ts';
import { DataPlane } from '../../src/proxy/data-plane.ts';
import { createCacheMemory } from '../../src/state/cache/memory.ts';
import { createLimitMemory } from '../../src/state/limits/memory.ts';
import { createTicketKeyMemory } from '../../src/state/ticket-keys.ts';
import { until } from '../e2e/support/wait.ts';

/** A data-plane thread inside the test's own process: its inner numbers can be read, its clock is the real one. */
export interface Changes {
  readonly limits?: Partial<HttpLimits>;
  readonly timeouts?: Partial<HttpTimeouts>;
  readonly pool?: Partial<PoolLimits>;
  /** Bound to every rule that names it. */
  readonly policies?: Readonly<Record<string, BoundPolicy>>;
}

const SETTINGS: GatewaySettings = {
  listeners: [{ name: 'http', address: '127.0.0.1', port: 0, transport: { kind: 'plain' } }],
  trustedProxies: [],
  limits: {
    maxHeadBytes: 16_384,
    maxHeaders: 100,
    maxTargetBytes: 8192,
    maxTrailerBytes: 4096,
    maxChunkExtensionBytes: 4096,
    maxBodyBytes: 0,
    maxHeldBodyBytes: 64 * 1024 * 1024,
    maxPipelined: 16,
    maxRequestsPerConnection: 0,
    maxConnections: 10_000,
  },
  timeouts: {
    headMs: 5000,
    idleMs: 5000,
    requestMs: 0,
    backendMs: 0,
    bodyIdleMs: 0,
    connectMs: 2000,
    upstreamIdleMs: 5000,
    tunnelIdleMs: 0,
    drainMs: 1000,
  },
  pool: { maxConnectionsPerEndpoint: 100, maxPendingPerEndpoint: 100, maxIdlePerEndpoint: 100 },
  cacheBytes: 1024 * 1024,
  rateLimits: { bucketBytes: 512, permitKeys: 16, replicas: { kind: 'unknown' } },
  redis: [],
  outbound: { allowLoopback: true, allowLinkLocal: false },
  serverHeader: null,
  via: null,
  refusedMethods: ['TRACE'],
  accessLog: { kind: 'off' },
  place: { node: null, zone: null },
  timestampHeader: false,
  responseTimeHeader: false,
};

const OBJECT = { kind: 'GatewayRoute', namespace: 'test', name: 'all' };
const ORIGIN = { object: OBJECT, fieldPath: '', location: null };

export const CLUSTER = 'Service/test/shop:80';
const SERVICE = 'shop.test';

export function endpointAt(port: number, more: Partial<Endpoint> = {}): Endpoint {
  return {
    address: '127.0.0.1',
    port,
    ready: true,
    serving: true,
    terminating: false,
    weight: 1,
    zone: null,
    hints: null,
    ...more,
  };
}

/** Forwards to the one cluster, without time-outs and retries. */
export function forward(more: Partial<ForwardAction> = {}): ForwardAction {
  return {
    kind: 'forward',
    backends: [{ cluster: CLUSTER, weight: 1, origin: ORIGIN }],
    balancing: 'roundRobin',
    requestTimeout: { kind: 'default' },
    backendTimeout: { kind: 'default' },
    idleTimeout: { kind: 'default' },
    retry: null,
    hedge: null,
    rewrite: { path: { kind: 'none' }, host: null },
    mirrors: [],
    maxBodyBytes: null,
    ...more,
  };
}

function catalogue(policies: Readonly<Record<string, BoundPolicy>>): PolicyCatalogue {
  return new Map(
    Object.entries(policies).map(([name, policy]) => [
      name,
      definePolicy({ name, phase: 'edge', summary: name, schema: Type.Object({}), bind: () => policy }),
    ]),
  );
}

export class TestDataPlane {
  readonly plane: DataPlane;
  readonly logs: string[] = [];
  readonly #messages: ThreadMessage[] = [];
  readonly #pages: Float64Array[] = [];
  readonly #series = new Map<number, SeriesAnnouncement>();
  readonly #policies: readonly PolicyRef[];
  #generation = 0;
  port = 0;

  private constructor(changes: Changes) {
    const metrics = createThreadMetrics({ announce: (message) => this.#observe(message) });
    const policies = changes.policies ?? {};
    this.#policies = Object.keys(policies).map((name) => ({ name, config: {}, origin: ORIGIN }));
    this.plane = new DataPlane({
      start: {
        threadId: 0,
        limits: createLimitMemory({ threads: 1, bucketBytes: 512, permitKeys: 16 }),
        cache: createCacheMemory({ threads: 1, bytes: SETTINGS.cacheBytes }),
        ticketKeys: createTicketKeyMemory(),
        settings: {
          ...SETTINGS,
          limits: { ...SETTINGS.limits, ...changes.limits },
          timeouts: { ...SETTINGS.timeouts, ...changes.timeouts },
          pool: { ...SETTINGS.pool, ...changes.pool },
        },
      },
      metrics,
      accessLog: NO_ACCESS_LOG,
      policies: catalogue(policies),
      log: (_, message) => this.logs.push(message),
      post: (message) => this.#messages.push(message),
    });
  }

  /** Every request is answered by `action`, every one of the cluster's endpoints listens at one of `ports`. */
  static async start(
    action: RouteAction,
    ports: readonly number[],
    changes: Changes = {},
  ): Promise<TestDataPlane> {
    const test = new TestDataPlane(changes);
    test.apply(action, ports);
    test.plane.receive({ type: 'listen' });
    await until(() => test.#find('listening') !== undefined, 'the listener listens');
    test.port = test.#find('listening')!.ports[0]!.port;
    return test;
  }

  apply(action: RouteAction, ports: readonly number[]): void {
    const rule: RuleIr = {
      name: '0',
      origin: ORIGIN,
      matches: [
        {
          path: { kind: 'prefix', value: '/' },
          methods: [],
          headers: [],
          query: [],
          cookies: [],
          clientAddresses: [],
          claims: [],
        },
      ],
      action,
      policies: this.#policies,
    };
    const route = {
      key: 'GatewayRoute/test/all',
      origin: ORIGIN,
      createdAtMs: 0,
      hosts: [],
      listeners: [],
      rules: [rule],
    };
    const cluster = { key: CLUSTER, service: SERVICE, protocol: { kind: 'http' }, host: null } as const;
    this.plane.receive({
      type: 'apply',
      generation: ++this.#generation,
      delta: { ...NO_CHANGE, upsertRoutes: [route], upsertClusters: [cluster] },
      endpoints: [{ cluster: CLUSTER, endpoints: ports.map((port) => endpointAt(port)) }],
    });
  }

  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.plane.receive({ type: 'endpoints', endpoints: [{ cluster: CLUSTER, endpoints }] });
  }

  /** Sum over all series of a family. */
  value(family: FamilyKey): number {
    let sum = 0;
    for (const series of this.#series.values()) {
      if (series.family === family) sum += this.#pages[series.page]![series.slot]!;
    }
    return sum;
  }

  /** What must be zero when nothing happens. */
  gauges(): Record<string, number> {
    return {
      inFlight: this.value('requestsInFlight'),
      tunnels: this.value('tunnelsOpen'),
      pending: this.value('upstreamRequestsPending'),
      idle: this.value('upstreamConnectionsIdle'),
      upstream: this.value('upstreamConnectionsOpen'),
      clients: this.value('connectionsOpen'),
    };
  }

  async drain(timeoutMs: number): Promise<number> {
    this.plane.receive({ type: 'drain', timeoutMs });
    await until(() => this.#find('drained') !== undefined, 'it is drained');
    return this.#find('drained')!.aborted;
  }

  stop(): void {
    this.plane.receive({ type: 'stop' });
  }

  #find<T extends ThreadMessage['type']>(type: T): (ThreadMessage & { type: T }) | undefined {
    return this.#messages.find((message): message is ThreadMessage & { type: T } => message.type === type);
  }

  #observe(message: ObserveThreadMessage): void {
    if (message.type === 'metricsPage') this.#pages[message.page] = new Float64Array(message.buffer);
    else if (message.type === 'seriesAdded')
      for (const series of message.series) this.#series.set(series.id, series);
  }
}
