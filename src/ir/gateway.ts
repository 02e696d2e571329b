import type { ClusterIr } from './cluster.ts';
import type { ConsumerIr } from './consumer.ts';
import type { RouteIr } from './route.ts';
import type { SecretIr } from './secret.ts';

/** Everything that the data plane must do: data only, serialisable, no functions. Secrets and Consumers are no part of it. */
export interface GatewayIr {
  readonly routes: readonly RouteIr[];
  readonly clusters: readonly ClusterIr[];
}

/** What changed from one generation to the next. The cost of a change follows the change. */
export interface IrDelta {
  readonly upsertRoutes: readonly RouteIr[];
  readonly removeRoutes: readonly string[];
  readonly upsertClusters: readonly ClusterIr[];
  readonly removeClusters: readonly string[];
  /** Those that routes name. A route whose secret has another text is bound again, and need not be sent again. */
  readonly upsertSecrets: readonly SecretIr[];
  readonly removeSecrets: readonly string[];
  /** No route is bound again for them. */
  readonly upsertConsumers: readonly ConsumerIr[];
  readonly removeConsumers: readonly string[];
}

export const NO_CHANGE: IrDelta = {
  upsertRoutes: [],
  removeRoutes: [],
  upsertClusters: [],
  removeClusters: [],
  upsertSecrets: [],
  removeSecrets: [],
  upsertConsumers: [],
  removeConsumers: [],
};
