import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { RunOptions, RunResult } from './command.ts';
import type { ComponentName } from './components.ts';
import type { Progress } from './progress.ts';

/** What tests do with any cluster. */
interface AnyCluster {
  /** An administrator's. For the local cluster its address is reached only from inside, see {@link run}. */
  readonly kubeconfigPath: string;
  /** Range of the pods' addresses. */
  readonly podCidr: string;
  /** Range of the Services' addresses. */
  readonly serviceCidr: string;
  /** Address of the cluster's DNS server. */
  readonly dnsIp: string;
  /**
   * Runs a program where pods and Services are reached, to its end, with `KUBECONFIG` set. Local cluster: in its
   * network namespace, with this machine's files.
   * @throws CommandError when its exit code is not 0, unless `allowFailure`
   */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a program there, with pipes: a load generator, say. {@link stop} kills it if it still runs. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Runs kubectl and returns its stdout. @throws CommandError */
  kubectl(...args: readonly string[]): Promise<string>;
  /** `kubectl apply` of objects; creates or changes them. @throws CommandError */
  apply(...objects: readonly object[]): Promise<void>;
  /** Runs helm and returns its stdout. @throws CommandError */
  helm(...args: readonly string[]): Promise<string>;
  /** Makes the image in a docker-archive known to the node; pods name it with `imagePullPolicy: Never`. */
  loadImage(archive: string): Promise<void>;
  /** Ends a cluster that {@link startCluster} brought up and removes all of it; leaves any other alone. */
  stop(): Promise<void>;
}

/** A cluster on this machine: its components can be killed and brought back. */
export interface LocalCluster extends AnyCluster {
  readonly kind: 'local';
  /** A process in the cluster's namespaces, for `nsenter --target`. */
  readonly netnsPid: number;
  /** Folder of its files; logs of the components are in `logs/`. */
  readonly dir: string;
  /** Which components run at the moment. */
  running(): readonly ComponentName[];
  /** Sends a signal to a component; resolves once it has ended, for a signal that ends it. */
  killComponent(name: ComponentName, signal?: NodeJS.Signals): Promise<void>;
  /** Starts a component that has ended, as it was started first; resolves once it serves. */
  startComponent(name: ComponentName): Promise<void>;
}

/** A cluster that is not made of processes of ours: named by `TEST_KUBECONFIG`, or k3s in a container. */
export interface ExternalCluster extends AnyCluster {
  readonly kind: 'external';
}

/** What {@link startCluster} gives. Tests that kill components ask for `kind === 'local'` first. */
export type Cluster = LocalCluster | ExternalCluster;

/** Where and how a local cluster is brought up. */
export interface LocalOptions {
  /** Folder for its files, which must be empty or absent; a new one below the temporary folder by default. */
  readonly dir?: string;
  readonly progress?: Progress;
  /** Leave the cluster up when this process ends without stopping it. Else it ends too, even after a kill -9. */
  readonly outliveProcess?: boolean;
}
