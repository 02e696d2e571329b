import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { basename, join } from 'node:path';
import { removeContainerCgroups } from './cgroups.ts';
import { type RunOptions, type RunResult, runCommand } from './command.ts';
import type { Layout } from './layout.ts';
import { firstChild, processRef, signalProcess, waitForExit } from './processes.ts';
import { nodeCidr } from './settings.ts';
import type { ClusterState } from './state.ts';
import { waitUntil } from './wait.ts';

/**
 * The namespaces that a local cluster lives in: network (no packet can leave the machine), mount (no mount can be left
 * behind) and pid (killing its first process ends every component, container shim and container at once).
 */
export type Sandbox = Pick<ClusterState, 'holder' | 'init'>;

/**
 * Opens the namespaces. `pause` is the program that holds them. When `tied`, they end together with this process,
 * however it ends.
 */
export async function createSandbox(pause: string, tied: boolean): Promise<Sandbox> {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
  const program = tied ? [pause, 'until-eof'] : [pause];
  const child = spawn('unshare', [...namespaces, '--propagation', 'private', ...program], {
    detached: true,
    stdio: [tied ? 'pipe' : 'ignore', 'ignore', 'ignore'],
  });
  child.unref();
  // The pipe to it closes with this process, but must not be what keeps this process running.
  if (child.stdin instanceof Socket) child.stdin.unref();
  const holder = child.pid === undefined ? undefined : processRef(child.pid);
  if (holder === undefined) throw new Error('unshare did not start');
  const init = await firstChild(holder, 'unshare');
  const executable = realpathSync(pause);
  // Before that, /proc inside is not mounted yet.
  await waitUntil(() => readlinkSync(`/proc/${init.pid}/exe`) === executable, { what: 'the namespaces' });
  return { holder, init };
}

/** Sets up network and folders inside. Apart from {@link createSandbox}, so that the state is on disk by then. */
export async function furnishSandbox(sandbox: Sandbox, layout: Layout): Promise<void> {
  const { machine } = layout;
  const script = [
    // Kubelet and containerd hand mounts to one another; nothing gets out, as the namespace itself is private.
    'mount --make-rshared /',
    // Folders that containerd, CNI and kubelet insist on. /var/lib stays readable: a cache or checkout may be there.
    'mount -t tmpfs tmpfs /run',
    `mkdir -p ${machine}/log ${machine}/lib ${machine}/work`,
    `mount --bind ${machine}/log /var/log`,
    `mount -t overlay overlay -o lowerdir=/var/lib,upperdir=${machine}/lib,workdir=${machine}/work /var/lib`,
    'ip link set lo up',
    'ip link add uplink0 type bridge',
    `ip address add ${nodeCidr} dev uplink0`,
    'ip link set uplink0 up',
    // Addresses of Services have to be routed somewhere before kube-proxy's rules translate them.
    'ip route add default dev uplink0',
    'sysctl -q -w net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1',
  ].join('\n');
  const [command, ...args] = enterAll(sandbox, 'sh', ['-euc', script]);
  await runCommand(command, args);
}

/** A command line that runs a program inside all namespaces. */
export function enterAll(sandbox: Sandbox, command: string, args: readonly string[]): [string, ...string[]] {
  return ['nsenter', `--target=${sandbox.init.pid}`, '--net', '--mount', '--pid', '--', command, ...args];
}

/** A command line that runs a program in the network namespace only, with this machine's files and processes. */
export function enterNetwork(
  sandbox: Sandbox,
  command: string,
  args: readonly string[],
): [string, ...string[]] {
  return ['nsenter', `--target=${sandbox.init.pid}`, '--net', '--', command, ...args];
}

/** Runs a program in the network namespace to its end. */
export function runInNetwork(
  sandbox: Sandbox,
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const [enter, ...rest] = enterNetwork(sandbox, command, args);
  return runCommand(enter, rest, options);
}

/** Ends everything inside, and removes the cgroups and files that are left. Fine to call twice. */
export async function destroySandbox(sandbox: Sandbox, layout: Layout): Promise<void> {
  signalProcess(sandbox.init, 'SIGKILL');
  await waitForExit(sandbox.init, 'the processes of the cluster');
  // It ends by itself once it has taken note of that; if it were killed first, that would stay a zombie.
  await waitForExit(sandbox.holder, 'unshare');
  await removeContainerCgroups(layout);
  keepLogs(layout);
  removeFolder(layout);
}

/** Copies the logs of components and pods to where `PORTREEVE_CLUSTER_LOGS` says, for a CI run to keep. */
function keepLogs(layout: Layout): void {
  const target = process.env.PORTREEVE_CLUSTER_LOGS;
  if (!target) return;
  const sources = { components: layout.logs, pods: join(layout.machine, 'log', 'pods') };
  for (const [name, source] of Object.entries(sources)) {
    if (existsSync(source)) cpSync(source, join(target, basename(layout.dir), name), { recursive: true });
  }
}

/**
 * Removes the state file last, so that an interrupted removal can be taken up again.
 * @throws Error when something is mounted below the folder: removing that would remove what is mounted
 */
function removeFolder(layout: Layout): void {
  const { dir, stateFile } = layout;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const mounted = mounts.find((line) => line.split(' ')[4]?.startsWith(`${dir}/`));
  if (mounted !== undefined)
    throw new Error(`${dir}: not removed, ${mounted.split(' ')[4]} is a mount point`);
  const entries = existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [];
  for (const entry of entries.filter((path) => path !== stateFile))
    rmSync(entry, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}
