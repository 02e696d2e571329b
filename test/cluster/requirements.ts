import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Variable that names the folder of the local cluster that a program runs inside of; `startCluster` then uses it. */
export const insideVariable = 'PORTREEVE_CLUSTER_DIR';

/** Programs and CNI plug-ins that come from the distribution, each with its Debian package. */
const programs: Readonly<Record<string, string>> = {
  runc: 'runc',
  iptables: 'iptables',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setsid: 'util-linux',
  mount: 'mount',
  sysctl: 'procps',
};

/** Where Debian's package containernetworking-plugins puts them. */
export const cniPluginDirectory = '/usr/lib/cni';
const cniPlugins = ['bridge', 'host-local', 'loopback', 'portmap'];

/** Debian's places for programs of the administrator, which not every user's PATH names. */
export const systemPath: string = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
].join(delimiter);

/**
 * Why a test that wants a cluster can't have one here, for `describe.skipIf`: a developer without root or Linux runs
 * the other tests. In CI (variable `CI`) nothing is skipped: what is missing there is a failure.
 */
export function clusterUnavailable(): string | undefined {
  if (process.env.CI || clusterProvider() !== 'local') return undefined;
  const problems = findProblems();
  return problems.length === 0 ? undefined : problems.join('; ');
}

export type ClusterProvider = 'kubeconfig' | 'inside' | 'local' | 'k3s';

/** What a machine has for a cluster. */
export interface Machine {
  /** Why the local cluster can't run on it; empty: it can. */
  readonly problems: readonly string[];
  /** A Docker engine, and the right to enter its containers' networks. */
  readonly engine: boolean;
}

/** Where a test's cluster comes from, see README.md. @throws Error for a `TEST_CLUSTER` that is none */
export function clusterProvider(): ClusterProvider {
  return providerOf(process.env, () => ({ problems: findProblems(), engine: engineThere() }));
}

/**
 * {@link clusterProvider} for any environment and machine.
 * @param look only called when the environment does not say it
 */
export function providerOf(env: NodeJS.ProcessEnv, look: () => Machine): ClusterProvider {
  if (env.TEST_KUBECONFIG) return 'kubeconfig';
  if (env[insideVariable]) return 'inside';
  const wanted = env.TEST_CLUSTER ?? '';
  if (wanted === 'k3s' || wanted === 'local') return wanted;
  if (wanted !== '') throw new Error(`TEST_CLUSTER is "${wanted}"; it can be k3s or local`);
  if (env.CI) return 'local';
  const { problems, engine } = look();
  return problems.length > 0 && engine ? 'k3s' : 'local';
}

/** Why k3s is used although nobody has asked for it, for people; null: somebody has. */
export function whyK3s(): string | null {
  return process.env.TEST_CLUSTER === 'k3s' ? null : findProblems().join('; ');
}

/** Whether the cluster is made of processes of ours, in a network whose addresses we have chosen. */
export function clusterIsLocal(): boolean {
  const provider = clusterProvider();
  return provider === 'local' || provider === 'inside';
}

/** A Docker engine on this machine, and the right to enter its containers' networks. */
function engineThere(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/var/run/docker.sock');
}

/**
 * Checks that this machine can run the local cluster.
 * @throws Error that names everything missing, and what to install
 */
export function checkRequirements(): void {
  const problems = findProblems();
  if (problems.length > 0)
    throw new Error(
      `${problems.join('\n')}\nOr set TEST_KUBECONFIG to use a cluster that is already there, or TEST_CLUSTER=k3s where there is a Docker engine.`,
    );
}

function findProblems(): readonly string[] {
  if (process.platform !== 'linux') return ['the local cluster needs Linux'];
  const problems: string[] = [];
  if (process.getuid?.() !== 0) problems.push('the local cluster needs root (namespaces, mounts, cgroups)');
  const packages = missingPackages();
  if (packages.length > 0) problems.push(`missing programs: apt-get install ${packages.join(' ')}`);
  if (!/\boverlay\b/.test(readText('/proc/filesystems')))
    problems.push('the kernel lacks overlay: modprobe overlay');
  // Without it answers of a pod behind a Service bypass the address translation.
  if (!existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables'))
    problems.push('the kernel lacks br_netfilter: modprobe br_netfilter');
  return problems;
}

function missingPackages(): readonly string[] {
  const path = systemPath.split(delimiter);
  const missing = new Set<string>();
  for (const [program, debianPackage] of Object.entries(programs)) {
    if (!path.some((directory) => existsSync(join(directory, program)))) missing.add(debianPackage);
  }
  if (!cniPlugins.every((plugin) => existsSync(join(cniPluginDirectory, plugin))))
    missing.add('containernetworking-plugins');
  return [...missing];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
