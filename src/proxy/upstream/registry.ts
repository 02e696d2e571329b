import type { LookupFunction } from 'node:net';
import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { GatewaySettings } from '../../ir/settings.ts';
import type { ThreadMetrics } from '../../observe/thread-metrics.ts';
import { guardedLookup } from '../../outbound/lookup.ts';
import { HeadMemo } from '../http1/head-memo.ts';
import type { ResponseMemo } from '../http1/response-head.ts';
import type { Wheel } from '../wheel.ts';
import { UpstreamCluster } from './cluster.ts';

/** The clusters of one thread, by key. */
export class UpstreamRegistry {
  readonly #clusters = new Map<string, UpstreamCluster>();
  readonly #settings: GatewaySettings;
  readonly #wheel: Wheel;
  readonly #metrics: ThreadMetrics;
  readonly #onFault: (error: unknown) => void;
  readonly #lookup: LookupFunction;
  readonly #responseMemo: ResponseMemo = new HeadMemo();

  constructor(
    settings: GatewaySettings,
    wheel: Wheel,
    metrics: ThreadMetrics,
    onFault: (error: unknown) => void,
  ) {
    this.#onFault = onFault;
    this.#settings = settings;
    this.#lookup = guardedLookup(settings.outbound);
    this.#wheel = wheel;
    this.#metrics = metrics;
  }

  /** @throws Error when there is no such cluster: routes are applied after their clusters. */
  get(key: string): UpstreamCluster {
    const cluster = this.#clusters.get(key);
    if (cluster === undefined) throw new Error(`no cluster ${key}`);
    return cluster;
  }

  upsert(ir: ClusterIr): void {
    const known = this.#clusters.get(ir.key);
    if (known !== undefined) {
      known.update(ir);
      return;
    }
    const { limits, pool, timeouts } = this.#settings;
    this.#clusters.set(
      ir.key,
      new UpstreamCluster(ir, {
        pool,
        limits: { ...limits, maxBodyBytes: 0 },
        responseMemo: this.#responseMemo,
        connectMs: timeouts.connectMs,
        place: this.#settings.place,
        idleMs: timeouts.upstreamIdleMs,
        wheel: this.#wheel,
        metrics: this.#metrics.upstream(ir.service),
        lookup: this.#lookup,
        onFault: this.#onFault,
      }),
    );
  }

  /** Endpoints of a cluster that is not there (any more) mean nothing. */
  setEndpoints({ cluster, endpoints }: EndpointsIr): void {
    this.#clusters.get(cluster)?.setEndpoints(endpoints);
  }

  /** No longer part of the table; it lives on while requests of an older one may ask for it. */
  remove(key: string): void {
    this.#clusters.get(key)?.retire();
    this.#clusters.delete(key);
  }

  closeAll(): void {
    for (const key of [...this.#clusters.keys()]) this.remove(key);
  }
}
