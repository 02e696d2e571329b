import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalCluster, LocalOptions } from './api.ts';
import { type Binaries, ensureBinaries } from './binaries.ts';
import { type ComponentName, components } from './components.ts';
import { configFiles, writeConfiguration } from './configuration.ts';
import { createCredentials, credentialFiles, writeKubeconfig } from './credentials.ts';
import { dnsObjects } from './dns.ts';
import { buildBackendImage, buildPauseImage } from './image-set.ts';
import { createFolders, type Layout, layoutOf } from './layout.ts';
import { type LocalParts, localCluster } from './local-cluster.ts';
import { isAlive } from './processes.ts';
import { type Progress, stderrProgress } from './progress.ts';
import { checkRequirements } from './requirements.ts';
import { createSandbox, destroySandbox, furnishSandbox, type Sandbox } from './sandbox.ts';
import { nodeName } from './settings.ts';
import { readState, writeState } from './state.ts';
import { Supervisor } from './supervisor.ts';

/**
 * Brings a cluster up on this machine; resolves once pods can be made and Services and DNS answer.
 * @throws Error that says what is missing, or which component does not serve; nothing is left then
 */
export async function startLocal(options: LocalOptions = {}): Promise<LocalCluster> {
  const { progress = stderrProgress() } = options;
  checkRequirements();
  await removeDead();
  const layout = layoutOf(options.dir ?? temporaryPrefix + randomBytes(4).toString('hex'));
  if (existsSync(layout.dir) && readdirSync(layout.dir).length > 0)
    throw new Error(
      `${layout.dir}: not empty; is a cluster up in it? "down" ends it and removes what is left`,
    );
  const binaries = await ensureBinaries(progress);
  mkdirSync(layout.dir, { recursive: true });
  progress(`namespaces and files: ${layout.dir}`);
  const sandbox = await createSandbox(binaries.path('pause'), options.outliveProcess !== true);
  writeState(layout.stateFile, { format: 1, ...sandbox, components: {} });
  try {
    createFolders(layout);
    await furnishSandbox(sandbox, layout);
    const token = createCredentials(credentialFiles(layout));
    writeConfiguration(layout);
    const parts = partsOf(layout, binaries, sandbox);
    const cluster = localCluster(parts, true);
    await bringUp(parts, cluster, () => writeKubeconfig(layout, token), progress);
    return cluster;
  } catch (error) {
    await destroySandbox(sandbox, layout);
    throw error;
  }
}

/**
 * The cluster that is up in a folder, undefined when there is none. `owned`: whether its `stop` ends it.
 */
export async function openLocal(dir: string, owned: boolean): Promise<LocalCluster | undefined> {
  const layout = layoutOf(dir);
  const state = readState(layout.stateFile);
  if (state === undefined || !isAlive(state.init)) return undefined;
  const binaries = await ensureBinaries(stderrProgress());
  return localCluster(partsOf(layout, binaries, state), owned);
}

function partsOf(layout: Layout, binaries: Binaries, sandbox: Sandbox): LocalParts {
  const supervisor = new Supervisor(sandbox, layout, binaries);
  const inputs = { layout, binaries, credentials: credentialFiles(layout), files: configFiles(layout) };
  return { layout, binaries, sandbox, supervisor, components: components(inputs) };
}

/** Ends the cluster in a folder, also one whose starter has crashed; false when there is none. */
export async function downLocal(dir: string): Promise<boolean> {
  const layout = layoutOf(dir);
  const state = readState(layout.stateFile);
  if (state === undefined) return false;
  await destroySandbox(state, layout);
  return true;
}

const temporaryPrefix = join(tmpdir(), 'portreeve-cluster-');

/** Removes what clusters left that ended with their test process, as nothing else will. */
async function removeDead(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const dir = join(tmpdir(), name);
    if (!dir.startsWith(temporaryPrefix)) continue;
    const layout = layoutOf(dir);
    const state = readState(layout.stateFile);
    if (state !== undefined && !isAlive(state.init)) await destroySandbox(state, layout);
  }
}

/** Starts the components, each as soon as what it needs is there. */
async function bringUp(
  parts: LocalParts,
  cluster: LocalCluster,
  onCertificate: () => void,
  progress: Progress,
): Promise<void> {
  const { supervisor } = parts;
  const launch = (name: ComponentName): Promise<void> => supervisor.launch(parts.components[name]);
  const ready = async (name: ComponentName): Promise<void> => {
    await supervisor.ready(parts.components[name]);
    progress(`${name} serves`);
  };
  await Promise.all((['etcd', 'kube-apiserver', 'containerd'] as const).map(launch));
  const images = ready('containerd').then(() => loadImages(parts, cluster, progress));
  await Promise.all([images, ready('etcd'), ready('kube-apiserver')]);
  onCertificate();
  await Promise.all(clients.map(launch));
  await Promise.all([...clients.map(ready), cluster.apply(...dnsObjects())]);
  await podsPossible(cluster);
  progress(`ready: kubeconfig ${parts.layout.kubeconfig}`);
}

/** Components that talk to the API server, and so want its kubeconfig. */
const clients = ['kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'coredns', 'kubelet'] as const;

async function loadImages(parts: LocalParts, cluster: LocalCluster, progress: Progress): Promise<void> {
  const { binaries, layout } = parts;
  for (const build of [buildPauseImage, buildBackendImage])
    await cluster.loadImage(await build(binaries, layout.images));
  progress('images loaded');
}

/** A pod needs a ready node, and its namespace's default service account. */
async function podsPossible(cluster: LocalCluster): Promise<void> {
  const limit = '--timeout=180s';
  await cluster.kubectl('wait', '--for=create', `node/${nodeName}`, limit);
  await cluster.kubectl('wait', '--for=condition=Ready', `node/${nodeName}`, limit);
  await cluster.kubectl('wait', '--for=create', 'serviceaccount/default', limit);
}
