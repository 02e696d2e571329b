import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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
  if (process.env.TEST_KUBECONFIG || process.env.CI) return undefined;
  const problems = findProblems();
  return problems.length === 0 ? undefined : problems.join('; ');
}

/**
 * Checks that this machine can run the local cluster.
 * @throws Error that names everything missing, and what to install
 */
export function checkRequirements(): void {
  const problems = findProblems();
  if (problems.length > 0)
    throw new Error(`${problems.join('\n')}\nOr set TEST_KUBECONFIG to use a cluster that is already there.`);
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
