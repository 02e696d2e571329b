import type { LookupFunction } from 'node:net';
import type { Endpoint as EndpointIr } from '../../ir/cluster.ts';
import type { HttpLimits, Place, PoolLimits } from '../../ir/settings.ts';
import type { UpstreamMetrics } from '../../observe/thread-metrics.ts';
import { GatewayError } from '../../pipeline/errors.ts';
import type { ResponseMemo } from '../http1/response-head.ts';
import type { Wheel } from '../wheel.ts';
import type { ConnectionWaiter } from './answer-handler.ts';
import { UpstreamConnection } from './connection.ts';
import type { FailingEndpoints } from './failing.ts';

/** What every pool of a cluster shares. */
export interface PoolContext {
  readonly pool: PoolLimits;
  /** Of answers: `maxBodyBytes` is 0, a body of any size passes. */
  readonly limits: HttpLimits;
  /** Heads that backends send again and again. */
  readonly responseMemo: ResponseMemo;
  readonly connectMs: number;
  /** Where this thread runs. */
  readonly place: Place;
  readonly idleMs: number;
  readonly wheel: Wheel;
  readonly metrics: UpstreamMetrics;
  /** For endpoints that are names. */
  readonly lookup: LookupFunction;
  /** Logs and counts an exception that should not have been. */
  onFault(error: unknown): void;
}

/** TLS to the backend; the certificate must be valid for `serverName`. */
export interface UpstreamTls {
  readonly serverName: string;
}

/** `Keep-Alive: timeout=N` is honoured with this margin, so that we close before the backend does. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** One address of a cluster, with this thread's connections to it. */
export class Endpoint {
  readonly address: string;
  readonly port: number;
  readonly tls: UpstreamTls | null;
  readonly pool: PoolContext;
  /** `address:port`, for logs. */
  readonly label: string;
  /** As last told by the control thread. */
  ir: EndpointIr;
  /** Requests that this thread has under way here: what least request compares. */
  active = 0;
  /** Connections are not kept for later requests any more; those under way finish. */
  removed = false;
  /** Of {@link FailingEndpoints}; 0: it has a connection since, made or kept. */
  avoidedUntilMs = 0;
  /** State of smooth weighted round robin. */
  currentWeight = 0;
  #idle: UpstreamConnection[] = [];
  #waiting: ConnectionWaiter[] = [];
  #open = 0;
  #connecting = 0;
  readonly #failing: FailingEndpoints;

  constructor(ir: EndpointIr, tls: UpstreamTls | null, pool: PoolContext, failing: FailingEndpoints) {
    this.ir = ir;
    this.#failing = failing;
    this.address = ir.address;
    this.port = ir.port;
    this.label = ir.address.includes(':') ? `[${ir.address}]:${ir.port}` : `${ir.address}:${ir.port}`;
    this.tls = tls;
    this.pool = pool;
  }

  /** An idle connection at once, or null: then the waiter is called later. */
  acquire(waiter: ConnectionWaiter): UpstreamConnection | null {
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.pool.wheel.disarm(idle);
      this.pool.metrics.connectionsIdle.add(-1);
      // If it is dead, too, the next one has to be made, and that tells.
      this.avoidedUntilMs = 0;
      return idle;
    }
    return this.connectFor(waiter);
  }

  /** Always a new connection: for a retry after a reused one died. */
  connectFor(waiter: ConnectionWaiter): null {
    if (this.#waiting.length >= this.pool.pool.maxPendingPerEndpoint) {
      waiter.onNoConnection(
        new GatewayError('gateway', 'poolExhausted', true, 'too many requests wait for a connection'),
      );
      return null;
    }
    this.#waiting.push(waiter);
    this.pool.metrics.requestsPending.add(1);
    this.#connectIfNeeded();
    return null;
  }

  /** The waiter no longer wants a connection: it is not called, and takes no place. */
  withdraw(waiter: ConnectionWaiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.pool.metrics.requestsPending.add(-1);
  }

  /** A request is over. The connection waits for the next one, serves a waiter, or is closed. */
  release(connection: UpstreamConnection): void {
    connection.finish();
    if (!connection.reusable) {
      connection.destroy();
      return;
    }
    // Who already waits is served even by an endpoint that was removed meanwhile.
    if (this.#serveWaiter(connection)) return;
    if (this.removed || this.#idle.length >= this.pool.pool.maxIdlePerEndpoint) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
    this.pool.metrics.connectionsIdle.add(1);
    this.pool.wheel.arm(connection, this.#idleMs(connection));
  }

  /** An idle connection died, said something, or was idle for too long. */
  discardIdle(connection: UpstreamConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) {
      this.#idle.splice(at, 1);
      this.pool.metrics.connectionsIdle.add(-1);
    }
    connection.destroy();
  }

  /** Idle connections are closed now, others when their request is over. Requests that still come are served. */
  retire(): void {
    this.removed = true;
    const idle = this.#idle;
    this.#idle = [];
    this.pool.metrics.connectionsIdle.add(-idle.length);
    for (const connection of idle) connection.destroy();
  }

  onConnected(connection: UpstreamConnection): void {
    this.#connecting--;
    this.avoidedUntilMs = 0;
    this.pool.wheel.disarm(connection);
    connection.state = 'idle';
    this.release(connection);
  }

  onConnectFailed(error: GatewayError): void {
    this.#connecting--;
    this.pool.metrics.connectFailures.add(1);
    this.#failing.note(this, this.pool.wheel.nowMs);
    const waiter = this.#nextWaiter();
    waiter?.onNoConnection(error);
    this.#connectIfNeeded();
  }

  onConnectionClosed(connection: UpstreamConnection): void {
    this.#open--;
    this.pool.metrics.connectionsOpen.add(-1);
    this.pool.wheel.remove(connection);
    this.#connectIfNeeded();
  }

  #connectIfNeeded(): void {
    while (this.#connecting < this.#waiting.length && this.#open < this.pool.pool.maxConnectionsPerEndpoint) {
      this.#connecting++;
      this.#open++;
      this.pool.metrics.connectionsOpen.add(1);
      const connection = new UpstreamConnection(this);
      this.pool.wheel.arm(connection, this.pool.connectMs);
    }
  }

  #serveWaiter(connection: UpstreamConnection): boolean {
    const waiter = this.#nextWaiter();
    if (waiter === null) return false;
    waiter.onConnection(connection);
    return true;
  }

  #nextWaiter(): ConnectionWaiter | null {
    if (this.#waiting.length === 0) return null;
    const waiter = this.#waiting.shift()!;
    this.pool.metrics.requestsPending.add(-1);
    return waiter;
  }

  #idleMs(connection: UpstreamConnection): number {
    const hinted = connection.keepAliveHintMs;
    if (hinted < 0) return this.pool.idleMs;
    return Math.max(0, Math.min(this.pool.idleMs, hinted - KEEP_ALIVE_MARGIN_MS));
  }
}
