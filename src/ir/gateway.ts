import type { ClusterIr } from './cluster.ts';
import type { RouteIr } from './route.ts';

/** Everything that the data plane must do: data only, serialisable, no functions. */
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
}
