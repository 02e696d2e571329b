import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import type { IrDelta } from '../../ir/gateway.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { SecretIr } from '../../ir/secret.ts';
import type { PublishedState } from '../published.ts';

interface Table {
  readonly routes: readonly RouteIr[];
  readonly clusters: readonly ClusterIr[];
  readonly endpoints: readonly EndpointsIr[];
  readonly secrets: readonly SecretIr[];
  readonly consumers: readonly ConsumerIr[];
}

/**
 * What has to be told to threads that serve one table, so that they serve another: a controller that has started again
 * tells everything, and mostly nothing of it is new. `delta` is null when nothing but endpoints is different.
 */
export function replacement(
  served: PublishedState,
  wanted: Table,
): { readonly delta: IrDelta | null; readonly endpoints: readonly EndpointsIr[] } {
  const { routes, clusters } = served.ir;
  const keyOf = ({ key }: { readonly key: string }): string => key;
  const endpointsOf = ({ cluster }: EndpointsIr): string => cluster;
  const [upsertRoutes, removeRoutes] = difference(routes, wanted.routes, keyOf);
  const [newClusters, goneClusters] = difference(clusters, wanted.clusters, keyOf);
  const [upsertSecrets, removeSecrets] = difference(served.secrets, wanted.secrets, keyOf);
  const [upsertConsumers, removeConsumers] = difference(served.consumers, wanted.consumers, keyOf);
  const [newEndpoints, withoutEndpoints] = difference(served.endpoints, wanted.endpoints, endpointsOf);
  // A list of endpoints goes only together with its cluster, which then comes back without one.
  const removeClusters = [...new Set([...goneClusters, ...withoutEndpoints])];
  const removed = new Set(withoutEndpoints);
  const again = wanted.clusters.filter(
    ({ key }) => removed.has(key) && !newClusters.some((one) => one.key === key),
  );
  const delta = {
    ...{ upsertRoutes, removeRoutes, upsertSecrets, removeSecrets, upsertConsumers, removeConsumers },
    ...{ upsertClusters: [...newClusters, ...again], removeClusters },
  };
  // The removal of a cluster that comes back takes its endpoints along.
  const lost = new Set(removeClusters);
  const endpoints = wanted.endpoints.filter((one) => lost.has(one.cluster) || newEndpoints.includes(one));
  const same = Object.values(delta).every((list) => list.length === 0);
  return { delta: same ? null : delta, endpoints };
}

function difference<T>(
  served: readonly T[],
  wanted: readonly T[],
  keyOf: (one: T) => string,
): [changed: T[], gone: string[]] {
  const known = new Map(served.map((one) => [keyOf(one), one]));
  const changed: T[] = [];
  for (const one of wanted) {
    const before = known.get(keyOf(one));
    known.delete(keyOf(one));
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(one)) changed.push(one);
  }
  return [changed, [...known.keys()]];
}
