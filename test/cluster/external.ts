import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ExternalCluster } from './api.ts';
import { ensureBinaries } from './binaries.ts';
import { listOf } from './clients.ts';
import { type RunOptions, type RunResult, runCommand, spawnCommand } from './command.ts';
import { buildBackendImage } from './image-set.ts';
import type { Progress } from './progress.ts';
import { retryTransient } from './transient.ts';
import { goModules } from './versions.ts';

/** How programs, images and the end reach a cluster that is not made of processes of ours. */
export interface Access {
  /** The command that runs another one where pods and Services are reached. */
  enter(command: string, args: readonly string[]): [string, ...string[]];
  /** Makes the image in an archive known to the nodes. */
  loadImage(archive: string): Promise<void>;
  stop(): Promise<void>;
}

const thisMachine: Access = {
  enter: (command, args) => [command, ...args],
  loadImage,
  stop: async () => {},
};

/**
 * A cluster that is there already. Uses kubectl and helm of `PATH`, which must fit its version.
 *
 * Images reach its nodes by the command in `TEST_IMAGE_LOAD`, which gets the archive's path as its last argument:
 * `kind load image-archive`, `k3s ctr images import`, …
 * @throws Error when the cluster does not answer
 */
export async function openExternal(
  kubeconfig: string,
  access: Access = thisMachine,
): Promise<ExternalCluster> {
  const kubeconfigPath = resolve(kubeconfig);
  const children = new Set<ChildProcess>();
  const environment = { KUBECONFIG: kubeconfigPath };

  function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [entered, ...rest] = access.enter(command, args);
    return runCommand(entered, rest, { ...options, env: { ...environment, ...options.env } });
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    return (await run('kubectl', args)).stdout;
  }

  function spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [entered, ...rest] = access.enter(command, args);
    const child = spawnCommand(entered, rest, { ...options, env: { ...environment, ...options.env } });
    children.add(child);
    child.on('exit', () => children.delete(child)).on('error', () => children.delete(child));
    return child;
  }

  const get = async (...args: readonly string[]): Promise<string> => (await kubectl('get', ...args)).trim();
  const [podCidr, serviceCidr, dnsIp] = await Promise.all([
    get('nodes', '-o', 'jsonpath={.items[0].spec.podCIDR}'),
    get('servicecidrs.networking.k8s.io', 'kubernetes', '-o', 'jsonpath={.spec.cidrs[0]}'),
    get('service', '-n', 'kube-system', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}'),
  ]);
  return {
    kind: 'external',
    kubeconfigPath,
    podCidr,
    serviceCidr,
    dnsIp,
    run,
    spawn,
    kubectl,
    helm: async (...args) => (await run('helm', args)).stdout,
    async apply(...objects) {
      const input = listOf(objects);
      await retryTransient(() => run('kubectl', ['apply', '-f', '-'], { input }));
    },
    loadImage: access.loadImage,
    async stop() {
      for (const child of children) child.kill('SIGKILL');
      await access.stop();
    },
  };
}

/** Makes the tests' backend known to the nodes, as a local cluster does at its start. */
export async function loadBackend(cluster: ExternalCluster, progress: Progress): Promise<void> {
  const modules = goModules.filter((module) => module.name === 'backend');
  const binaries = await ensureBinaries(progress, modules);
  const folder = mkdtempSync(join(tmpdir(), 'portreeve-backend-'));
  try {
    await cluster.loadImage(await buildBackendImage(binaries, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loadImage(archive: string): Promise<void> {
  const loader = process.env.TEST_IMAGE_LOAD?.trim();
  if (!loader) {
    const hint = 'such as TEST_IMAGE_LOAD="kind load image-archive"';
    throw new Error(
      `set TEST_IMAGE_LOAD to the command that loads ${archive} into the cluster's nodes, ${hint}`,
    );
  }
  const [command = '', ...args] = loader.split(/\s+/);
  await runCommand(command, [...args, archive]);
}
