import type { EndpointsIr } from '../../ir/cluster.ts';
import { type IrDelta, NO_CHANGE } from '../../ir/gateway.ts';
import { printIr } from '../../ir/print.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { GatewaySettings } from '../../ir/settings.ts';
import { Publisher } from '../publisher.ts';
import { ThreadPool } from '../threads.ts';
import type { StreamServerOptions } from './stream-server.ts';

/** A log that keeps its lines. */
export class KeptLog {
  readonly lines: string[] = [];
  readonly info = (fields: object, message: string): void => this.#keep('info', fields, message);
  readonly warn = (fields: object, message: string): void => this.#keep('warn', fields, message);
  readonly error = (fields: object, message: string): void => this.#keep('error', fields, message);

  get text(): string {
    return this.lines.join('\n');
  }

  #keep(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}

/** A publisher without threads: what it is told counts as served. */
export function publisherWithoutThreads(): Publisher {
  const log = new KeptLog();
  const settings = {} as GatewaySettings;
  const pool = new ThreadPool({
    ...{ entry: new URL('../stub-thread.ts', import.meta.url), count: 0, log, backoffMs: 1, maxBackoffMs: 1 },
    start: (threadId) => ({ threadId, settings }) as never,
  });
  return new Publisher(pool, log);
}

export function makeRoute(name: string, body = ''): RouteIr {
  const origin = {
    object: { kind: 'GatewayRoute', namespace: 'default', name },
    fieldPath: '',
    location: null,
  };
  const match = {
    ...{ path: { kind: 'prefix' as const, value: `/${name}` }, methods: [], headers: [], query: [] },
    ...{ cookies: [], clientAddresses: [], claims: [] },
  };
  const action = { kind: 'respond' as const, status: 200, headers: [], body };
  const rule = { name: '0', origin, matches: [match], action, policies: [] };
  return {
    key: `GatewayRoute/default/${name}`,
    origin,
    createdAtMs: 0,
    hosts: [],
    listeners: [],
    rules: [rule],
  };
}

export function makeEndpoints(cluster: string, ...ports: readonly number[]): EndpointsIr {
  return {
    cluster,
    endpoints: ports.map((port) => ({
      ...{
        address: '10.0.0.1',
        port,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
        zone: null,
        hints: null,
      },
    })),
  };
}

export function makeDelta(delta: Partial<IrDelta>): IrDelta {
  return { ...NO_CHANGE, ...delta };
}

/** What a publisher's threads serve, as text. */
export function tableOf({ state }: Publisher): string {
  const lists = [...state.endpoints].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return `${printIr(state.ir, state.endpoints)}${JSON.stringify([lists, state.secrets])}`;
}

export const FAST_TIMING = { beatMs: 40, silenceMs: 400 };

export const PLAIN: Pick<StreamServerOptions, 'address' | 'port' | 'certificate' | 'version'> = {
  address: '127.0.0.1',
  port: 0,
  certificate: null,
  version: '1',
};
