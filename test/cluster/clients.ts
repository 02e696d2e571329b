import { delimiter, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import type { Layout } from './layout.ts';
import { insideVariable, systemPath } from './requirements.ts';

/** Environment of programs run against the local cluster: our kubectl and helm first, caches and settings apart. */
export function clientEnvironment(layout: Layout, binaries: Binaries): Readonly<Record<string, string>> {
  return {
    KUBECONFIG: layout.kubeconfig,
    [insideVariable]: layout.dir,
    PATH: [...binaries.directories, process.env.PATH ?? '', systemPath].join(delimiter),
    // A proxy of the machine can't reach the cluster.
    NO_PROXY: '*',
    no_proxy: '*',
    KUBECACHEDIR: join(layout.clients, 'kubectl'),
    HELM_CACHE_HOME: join(layout.clients, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(layout.clients, 'helm', 'config'),
    HELM_DATA_HOME: join(layout.clients, 'helm', 'data'),
  };
}

/** One document that `kubectl apply -f -` takes for several objects. */
export function listOf(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}
