/** A real Kubernetes cluster for tests. See README.md. */
import type { Cluster, LocalOptions } from './api.ts';
import { loadBackend, openExternal } from './external.ts';
import { openLocal, startLocal } from './local.ts';
import { stderrProgress } from './progress.ts';
import { clusterProvider, insideVariable, whyK3s } from './requirements.ts';

export type { Cluster, ExternalCluster, LocalCluster, LocalOptions } from './api.ts';
export { type BackendOptions, backendObjects } from './backend.ts';
export { CommandError, type RunOptions, type RunResult } from './command.ts';
export { type ComponentName, componentNames } from './components.ts';
export { customResourcesEstablished } from './established.ts';
export { fetchInside, type InsideReply } from './fetch.ts';
export { backendImage } from './image-set.ts';
export { buildImage, type ImageConfig, type ImageFile, type ImageSpec } from './images.ts';
export { buildPortreeveImage, type PortreeveImageOptions, portreeveImage } from './portreeve-image.ts';
export { clusterIsLocal, clusterUnavailable } from './requirements.ts';
export { waitUntil } from './wait.ts';

/**
 * The cluster for a test, the first of:
 * 1. the one that `TEST_KUBECONFIG` names;
 * 2. the local one that this process runs inside of (`cluster.ts exec`); its `stop` leaves it up;
 * 3. k3s in a container, where `TEST_CLUSTER=k3s` says so, or a Docker engine is there and the next can't run;
 * 4. a new local one.
 * @throws Error that says what is missing, or which component does not serve
 */
export async function startCluster(options: LocalOptions = {}): Promise<Cluster> {
  const kubeconfig = process.env.TEST_KUBECONFIG;
  if (kubeconfig) {
    const external = await openExternal(kubeconfig);
    // Without a way to load images they are there already, or the tests' own manifests pull others.
    if (process.env.TEST_IMAGE_LOAD) await loadBackend(external, options.progress ?? stderrProgress());
    return external;
  }
  const inside = process.env[insideVariable];
  if (clusterProvider() === 'k3s') {
    // Its library is large, and most runs do without.
    const { startK3s } = await import('./k3s.ts');
    const progress = options.progress ?? stderrProgress();
    const why = whyK3s();
    if (why !== null) progress(`k3s in a container, as the local cluster can not run here: ${why}`);
    return await startK3s(progress);
  }
  if (!inside) return await startLocal(options);
  const cluster = await openLocal(inside, false);
  if (cluster === undefined) throw new Error(`${insideVariable}: no cluster is up in ${inside}`);
  return cluster;
}
