import type { ClusterIr, Endpoint, EndpointsIr } from '../ir/cluster.ts';
import type { ClusterNeed } from './backend.ts';
import { sameCluster, sameEndpoints, sameNeed } from './same.ts';

interface ClusterEntry {
  need: ClusterNeed;
  /** Routes that send requests there. */
  users: number;
  endpoints: readonly Endpoint[] | null;
}

export interface ClusterChanges {
  readonly upsert: readonly ClusterIr[];
  readonly remove: readonly string[];
  readonly endpoints: readonly EndpointsIr[];
}

/**
 * The clusters that routes need, each for as long as a route needs it. Changes are gathered until `take`.
 */
export class ClusterStore {
  readonly #clusters = new Map<string, ClusterEntry>();
  readonly #byService = new Map<string, Set<string>>();
  readonly #touched = new Map<string, ClusterIr | null>();
  readonly #stale = new Set<string>();
  readonly #resolve: (service: string, portName: string) => readonly Endpoint[];

  constructor(resolve: (service: string, portName: string) => readonly Endpoint[]) {
    this.#resolve = resolve;
  }

  get all(): readonly ClusterIr[] {
    return [...this.#clusters.values()].map((entry) => entry.need.ir);
  }

  get endpoints(): readonly EndpointsIr[] {
    return [...this.#clusters].map(([cluster, entry]) => ({ cluster, endpoints: entry.endpoints ?? [] }));
  }

  /** Replaces what one route needs. New needs go first, so that a cluster in both is never dropped. */
  replace(before: ReadonlyMap<string, ClusterNeed>, after: ReadonlyMap<string, ClusterNeed>): void {
    for (const need of after.values()) this.#take(need);
    for (const key of before.keys()) this.#drop(key);
  }

  /** The endpoints of a Service may be different. */
  markService(service: string): void {
    for (const key of this.#byService.get(service) ?? []) this.#stale.add(key);
  }

  /** What changed since the last call. */
  take(): ClusterChanges {
    const before = this.#touched;
    const upsert: ClusterIr[] = [];
    const remove: string[] = [];
    for (const [key, old] of before) {
      const now = this.#clusters.get(key)?.need.ir;
      if (now === undefined) {
        if (old !== null) remove.push(key);
      } else if (old === null || !sameCluster(old, now)) upsert.push(now);
    }
    before.clear();
    const endpoints = [...this.#stale].flatMap((key) => this.#refresh(key));
    this.#stale.clear();
    return { upsert, remove, endpoints };
  }

  #take(need: ClusterNeed): void {
    const { key } = need.ir;
    const entry = this.#clusters.get(key);
    this.#remember(key, entry);
    if (entry === undefined) {
      this.#clusters.set(key, { need, users: 1, endpoints: null });
      this.#index(need);
      this.#stale.add(key);
      return;
    }
    entry.users += 1;
    if (sameNeed(entry.need, need)) return;
    this.#unindex(entry.need);
    entry.need = need;
    this.#index(need);
    this.#stale.add(key);
  }

  #drop(key: string): void {
    const entry = this.#clusters.get(key)!;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#remember(key, entry);
    this.#clusters.delete(key);
    this.#unindex(entry.need);
  }

  /** Keeps what a cluster was at the last `take`. */
  #remember(key: string, entry: ClusterEntry | undefined): void {
    if (!this.#touched.has(key)) this.#touched.set(key, entry?.need.ir ?? null);
  }

  #refresh(key: string): EndpointsIr[] {
    const entry = this.#clusters.get(key);
    if (entry === undefined) return [];
    const { endpoints: source } = entry.need;
    const now = source.from === 'fixed' ? source.list : this.#resolve(source.service, source.portName);
    if (entry.endpoints !== null && sameEndpoints(entry.endpoints, now)) return [];
    entry.endpoints = now;
    return [{ cluster: key, endpoints: now }];
  }

  #index({ ir, endpoints }: ClusterNeed): void {
    if (endpoints.from === 'fixed') return;
    const keys = this.#byService.get(endpoints.service) ?? new Set();
    this.#byService.set(endpoints.service, keys.add(ir.key));
  }

  #unindex({ ir, endpoints }: ClusterNeed): void {
    if (endpoints.from === 'fixed') return;
    const keys = this.#byService.get(endpoints.service);
    keys?.delete(ir.key);
    if (keys?.size === 0) this.#byService.delete(endpoints.service);
  }
}
