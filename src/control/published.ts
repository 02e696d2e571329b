import type { ClusterIr, EndpointsIr } from '../ir/cluster.ts';
import type { ConsumerIr } from '../ir/consumer.ts';
import { type GatewayIr, type IrDelta, NO_CHANGE } from '../ir/gateway.ts';
import type { RouteIr } from '../ir/route.ts';
import type { SecretIr } from '../ir/secret.ts';

/** What the threads were told: the sum of all deltas. A thread that starts late gets it as one delta. */
export class PublishedState {
  readonly #routes = new Map<string, RouteIr>();
  readonly #clusters = new Map<string, ClusterIr>();
  readonly #endpoints = new Map<string, EndpointsIr>();
  readonly #secrets = new Map<string, SecretIr>();
  readonly #consumers = new Map<string, ConsumerIr>();

  apply(delta: IrDelta, endpoints: readonly EndpointsIr[]): void {
    for (const key of delta.removeRoutes) this.#routes.delete(key);
    for (const route of delta.upsertRoutes) this.#routes.set(route.key, route);
    for (const key of delta.removeClusters) {
      this.#clusters.delete(key);
      this.#endpoints.delete(key);
    }
    for (const cluster of delta.upsertClusters) this.#clusters.set(cluster.key, cluster);
    for (const one of endpoints) this.#endpoints.set(one.cluster, one);
    for (const key of delta.removeSecrets) this.#secrets.delete(key);
    for (const secret of delta.upsertSecrets) this.#secrets.set(secret.key, secret);
    for (const key of delta.removeConsumers) this.#consumers.delete(key);
    for (const consumer of delta.upsertConsumers) this.#consumers.set(consumer.key, consumer);
  }

  get ir(): GatewayIr {
    return { routes: [...this.#routes.values()], clusters: [...this.#clusters.values()] };
  }

  get endpoints(): readonly EndpointsIr[] {
    return [...this.#endpoints.values()];
  }

  /** For those who serve or save the table; never print them. */
  get secrets(): readonly SecretIr[] {
    return [...this.#secrets.values()];
  }

  get consumers(): readonly ConsumerIr[] {
    return [...this.#consumers.values()];
  }

  route(key: string): RouteIr | undefined {
    return this.#routes.get(key);
  }

  /** Everything as one delta onto nothing. */
  asDelta(): IrDelta {
    const { routes, clusters } = this.ir;
    return {
      ...{ ...NO_CHANGE, upsertRoutes: routes, upsertClusters: clusters },
      ...{ upsertSecrets: this.secrets, upsertConsumers: this.consumers },
    };
  }

  /** A delta onto nothing as one onto this: what it does not name goes. */
  replacedBy(delta: IrDelta): IrDelta {
    return {
      ...delta,
      removeRoutes: without(this.#routes, delta.upsertRoutes),
      removeClusters: without(this.#clusters, delta.upsertClusters),
      removeSecrets: without(this.#secrets, delta.upsertSecrets),
      removeConsumers: without(this.#consumers, delta.upsertConsumers),
    };
  }
}

/** Keys that none of `named` has. */
function without(
  known: ReadonlyMap<string, unknown>,
  named: readonly { readonly key: string }[],
): readonly string[] {
  const keys = new Set(named.map(({ key }) => key));
  return [...known.keys()].filter((key) => !keys.has(key));
}
