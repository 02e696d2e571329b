import type { Cluster } from './api.ts';
import { waitUntil } from './wait.ts';

/** Resolves once objects of every kind can be made. `kubectl wait` fails for a definition that has no status yet. */
export async function customResourcesEstablished(cluster: Cluster): Promise<void> {
  await waitUntil(
    async () => {
      await cluster.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=180s');
      return true;
    },
    { what: 'the custom resources' },
  );
}
