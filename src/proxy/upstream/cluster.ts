import type { ClusterIr, Endpoint as EndpointIr } from '../../ir/cluster.ts';
import type { Balancing } from '../../ir/route.ts';
import { createPickers } from './balance.ts';
import { RetryBudget } from './budget.ts';
import { Endpoint, type PoolContext } from './endpoint.ts';
import { FailingEndpoints } from './failing.ts';
import { nearby } from './nearby.ts';

/**
 * A cluster on one thread: its endpoints and this thread's connections to them. Routes hold it for as long as
 * they live; endpoint changes alter it in place and rebuild nothing.
 */
export class UpstreamCluster {
  readonly key: string;
  readonly budget = new RetryBudget();
  ir: ClusterIr;
  readonly #pool: PoolContext;
  readonly #pickers = createPickers();
  readonly #failing = new FailingEndpoints();
  #endpoints = new Map<string, Endpoint>();
  /** Those that take new requests: the ready ones, or else the ones that still serve while they terminate. */
  #eligible: readonly Endpoint[] = [];
  /** Of those, the ones that are for somebody here. */
  #near: readonly Endpoint[] = [];
  #uniform = true;
  #holds = 0;
  #retired = false;

  constructor(ir: ClusterIr, pool: PoolContext) {
    this.key = ir.key;
    this.ir = ir;
    this.#pool = pool;
  }

  get pool(): PoolContext {
    return this.#pool;
  }

  /** Another protocol or Host; the endpoints follow with `setEndpoints`. */
  update(ir: ClusterIr): void {
    this.ir = ir;
    this.setEndpoints([...this.#endpoints.values()].map((endpoint) => endpoint.ir));
  }

  /** Replaces the endpoints; those that stay keep their connections. */
  setEndpoints(endpoints: readonly EndpointIr[]): void {
    const next = new Map<string, Endpoint>();
    const tls = this.ir.protocol.kind === 'https' ? { serverName: this.ir.protocol.serverName } : null;
    for (const ir of endpoints) {
      const key = `${ir.address} ${ir.port}`;
      const known = this.#endpoints.get(key);
      const keep = known !== undefined && known.tls?.serverName === tls?.serverName;
      const endpoint = keep ? known : new Endpoint(ir, tls, this.#pool, this.#failing);
      endpoint.ir = ir;
      next.set(key, endpoint);
    }
    for (const [key, endpoint] of this.#endpoints) if (next.get(key) !== endpoint) endpoint.retire();
    this.#endpoints = next;
    this.#choose();
  }

  /** A rule that is no longer in the table has requests under way that may ask for this cluster. */
  hold(): void {
    this.#holds++;
  }

  letGo(): void {
    this.#holds--;
    this.#closeIfUnused();
  }

  /** It is no longer part of the table. */
  retire(): void {
    this.#retired = true;
    for (const endpoint of this.#endpoints.values()) endpoint.retire();
    this.#closeIfUnused();
  }

  /** No request can come any more. */
  #closeIfUnused(): void {
    if (!this.#retired || this.#holds > 0) return;
    this.setEndpoints([]);
    this.#pool.metrics.release();
  }

  /** An endpoint for a try, or null when there is none. What was `tried`, and what fails, is avoided where another one is left. */
  pick(balancing: Balancing, tried: readonly Endpoint[] | null): Endpoint | null {
    let candidates = this.#near;
    if (candidates.length === 0) return null;
    if (tried !== null && this.#eligible.length > 1) {
      const untried = (endpoint: Endpoint) => !tried.includes(endpoint);
      let fresh = candidates.filter(untried);
      if (fresh.length === 0 && candidates !== this.#eligible) fresh = this.#eligible.filter(untried);
      if (fresh.length > 0) candidates = fresh;
    }
    const { nowMs } = this.#pool.wheel;
    let living = this.#failing.without(candidates, nowMs);
    if (living.length === 0 && tried === null) living = this.#failing.without(this.#eligible, nowMs);
    const endpoint = this.#pickers.pick(balancing, living.length > 0 ? living : candidates, this.#uniform);
    this.#failing.chosen(endpoint, nowMs);
    return endpoint;
  }

  #choose(): void {
    const all = [...this.#endpoints.values()].filter((endpoint) => endpoint.ir.weight > 0);
    const ready = all.filter((endpoint) => endpoint.ir.ready);
    this.#eligible = ready.length > 0 ? ready : all.filter(({ ir }) => ir.serving && ir.terminating);
    this.#near = ready.length > 0 ? nearby(ready, this.#pool.place) : this.#eligible;
    this.#uniform = this.#eligible.every((endpoint) => endpoint.ir.weight === this.#eligible[0]!.ir.weight);
  }
}
