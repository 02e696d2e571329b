import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { LocalCluster } from './api.ts';
import type { Binaries } from './binaries.ts';
import { clientEnvironment, listOf } from './clients.ts';
import { type RunOptions, type RunResult, runCommand, spawnCommand } from './command.ts';
import { type Component, type ComponentName, componentNames } from './components.ts';
import type { Layout } from './layout.ts';
import { destroySandbox, enterNetwork, runInNetwork, type Sandbox } from './sandbox.ts';
import { dnsIp, podCidr, serviceCidr } from './settings.ts';
import type { Supervisor } from './supervisor.ts';
import { retryTransient } from './transient.ts';

/** What a {@link LocalCluster} is made of once its namespaces are open. */
export interface LocalParts {
  readonly layout: Layout;
  readonly binaries: Binaries;
  readonly sandbox: Sandbox;
  readonly supervisor: Supervisor;
  readonly components: Readonly<Record<ComponentName, Component>>;
}

/** The API over a local cluster. `owned`: whether `stop` ends it. */
export function localCluster(parts: LocalParts, owned: boolean): LocalCluster {
  const { layout, binaries, sandbox, supervisor, components } = parts;
  const environment = clientEnvironment(layout, binaries);
  const children = new Set<ChildProcess>();

  function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runInNetwork(sandbox, command, args, { ...options, env: { ...environment, ...options.env } });
  }

  function spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [enter, ...rest] = enterNetwork(sandbox, command, args);
    const child = spawnCommand(enter, rest, { ...options, env: { ...environment, ...options.env } });
    children.add(child);
    child.on('exit', () => children.delete(child)).on('error', () => children.delete(child));
    return child;
  }

  async function stop(): Promise<void> {
    for (const child of children) child.kill('SIGKILL');
    if (owned) await destroySandbox(sandbox, layout);
  }

  return {
    kind: 'local',
    kubeconfigPath: layout.kubeconfig,
    podCidr,
    serviceCidr,
    dnsIp,
    netnsPid: sandbox.init.pid,
    dir: layout.dir,
    run,
    spawn,
    kubectl: async (...args) => (await run(binaries.path('kubectl'), args)).stdout,
    helm: async (...args) => (await run(binaries.path('helm'), args)).stdout,
    async apply(...objects) {
      const input = listOf(objects);
      await retryTransient(() => run(binaries.path('kubectl'), ['apply', '-f', '-'], { input }));
    },
    async loadImage(archive) {
      const address = ['--address', layout.containerdSocket, '--namespace', 'k8s.io'];
      await runCommand(binaries.path('ctr'), [...address, 'images', 'import', archive]);
    },
    running: () => componentNames.filter((name) => supervisor.running(name) !== undefined),
    killComponent: (name, signal = 'SIGKILL') => supervisor.kill(name, signal),
    async startComponent(name) {
      await supervisor.launch(components[name]);
      await supervisor.ready(components[name]);
    },
    stop,
  };
}
