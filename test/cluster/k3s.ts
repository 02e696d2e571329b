import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { K3sContainer, type StartedK3sContainer } from '@testcontainers/k3s';
import { getContainerRuntimeClient } from 'testcontainers';
import type { ExternalCluster } from './api.ts';
import { type Access, loadBackend, openExternal } from './external.ts';
import type { Progress } from './progress.ts';
import { waitUntil } from './wait.ts';

/** Of the version that the local cluster has; any other by `TEST_K3S_IMAGE`. */
const IMAGE = 'rancher/k3s:v1.36.3-k3s1';
const STARTUP_MS = 600_000;
/** What would only be in the way. */
const WITHOUT = ['traefik', 'servicelb', 'metrics-server'];

/**
 * k3s in a container of this machine's Docker engine, which pulls the image. Programs run in the container's network, with
 * this machine's files: there pods and Services are reached, and the API server at a loopback address.
 * @throws Error that says what to do when there is no engine or no image, or when the engine's containers are not processes of this machine
 */
export async function startK3s(progress: Progress): Promise<ExternalCluster> {
  const image = process.env.TEST_K3S_IMAGE || IMAGE;
  const container = await new K3sContainer(image)
    .withCommand(['server', ...WITHOUT.map((name) => `--disable=${name}`)])
    .withStartupTimeout(STARTUP_MS)
    .start()
    .catch((error: Error) => {
      throw new Error(k3sFailure(image, error.message), { cause: error });
    });
  const folder = mkdtempSync(join(tmpdir(), 'portreeve-k3s-'));
  const stop = async (): Promise<void> => {
    await container.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, container.getAliasedKubeConfig('127.0.0.1'), { mode: 0o600 });
    const pid = await pidOf(container);
    const access: Access = {
      enter: (command, args) => ['nsenter', `--target=${pid}`, '--net', '--', command, ...args],
      loadImage: (archive) => importImage(container, archive),
      stop,
    };
    // It says that it has started before it has made its node and its DNS.
    const cluster = await waitUntil(() => openExternal(kubeconfig, access), {
      what: 'k3s to have a node and DNS',
    });
    await cluster.kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=180s');
    await cluster.kubectl('wait', '--for=create', 'serviceaccount/default', '--timeout=180s');
    await loadBackend(cluster, progress);
    progress(`k3s is ready: kubeconfig ${kubeconfig}, process ${pid}`);
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What went wrong, and what to do. */
export function k3sFailure(image: string, message: string): string {
  return [
    `k3s did not start in a container of ${image}: ${message}`,
    'It takes a Docker engine that may run privileged containers and can pull that image; TEST_K3S_IMAGE names another one.',
    'Without it: TEST_CLUSTER=local for a cluster of processes of this machine, or TEST_KUBECONFIG for one that is there.',
  ].join('\n');
}

/** The container's first process, as this machine sees it. */
async function pidOf(container: StartedK3sContainer): Promise<number> {
  const client = await getContainerRuntimeClient();
  const { State: state } = await client.container.getById(container.getId()).inspect();
  return state.Pid;
}

async function importImage(container: StartedK3sContainer, archive: string): Promise<void> {
  const target = `/tmp/${basename(archive)}`;
  await container.copyFilesToContainer([{ source: archive, target }]);
  const { exitCode, output } = await container.exec(['ctr', '-n', 'k8s.io', 'images', 'import', target]);
  if (exitCode !== 0) throw new Error(`${archive} could not be loaded into k3s:\n${output}`);
}
