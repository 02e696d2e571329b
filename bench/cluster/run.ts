/**
 * `npm run bench:cluster`: brings a real cluster up (test/cluster), fills it, and measures the controller in it. Prints a table of
 * targets and figures. Ends with 1 when a target is missed.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../../test/cluster/index.ts';
import { ENDPOINT_RANGE } from '../../test/e2e/support/storm/objects.ts';

/** Components without which the API server serves as well. */
const IDLE = ['kubelet', 'kube-proxy', 'coredns', 'kube-scheduler', 'kube-controller-manager'] as const;

const inside = fileURLToPath(new URL('./inside.ts', import.meta.url));
const cluster = await startCluster();
try {
  // Every address of the range is this machine's, within the cluster's own network: endpoints that answer, as many as one likes.
  await cluster.run('ip', ['route', 'add', 'local', ENDPOINT_RANGE, 'dev', 'lo']);
  // Nothing here needs them, and each would follow every change of the objects that are measured with.
  if (cluster.kind === 'local') for (const name of IDLE) await cluster.killComponent(name, 'SIGTERM');
  const child = cluster.spawn(process.execPath, [inside, ...process.argv.slice(2)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, KUBECONFIG: cluster.kubeconfigPath },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await cluster.stop();
}
