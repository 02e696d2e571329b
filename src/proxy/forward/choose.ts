import type { CompiledForward } from '../../compile/table.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';

/** A backend by weight; null when none has any. */
export function chooseCluster(action: CompiledForward<UpstreamCluster>): UpstreamCluster | null {
  const { backends } = action;
  if (backends.length <= 1) return backends[0]?.upstream ?? null;
  let at = Math.random() * action.totalWeight;
  for (const { upstream, weight } of backends) {
    at -= weight;
    if (at < 0) return upstream;
  }
  return backends[backends.length - 1]!.upstream;
}
