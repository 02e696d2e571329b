import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Program } from './support/process.ts';
import { forward, route } from './support/resources.ts';
import { TempFolder } from './support/temp-folder.ts';
import { until } from './support/wait.ts';

/**
 * Clients whose machine is gone: no FIN and no RST ever comes. Gateway, backend and clients are in a network namespace
 * of their own, in which the kernel drops what the clients say from then on.
 */

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PEER = fileURLToPath(new URL('./support/half-open-peer.ts', import.meta.url));
const [PORT, ADMIN] = [18_080, 19_901];

const programs: Program[] = [];
let folder: TempFolder;
let namespace: Program;

function inside(command: string, ...args: readonly string[]): string[] {
  return [`--target=${namespace.pid}`, '--net', '--', command, ...args];
}
function begin(...args: readonly string[]): Program {
  const program = new Program('nsenter', inside(process.execPath, ...args));
  programs.push(program);
  return program;
}
async function said<T>(program: Program): Promise<T> {
  await until(
    () => program.exit !== null || program.stdout.includes('\n'),
    `it says something\n${program.output}`,
  );
  return JSON.parse(program.stdout) as T;
}
async function drop(from: number, to: number): Promise<void> {
  const ports = ['--sport', String(from), '--dport', String(to)];
  await run('nsenter', inside('iptables', '-A', 'INPUT', '-p', 'tcp', ...ports, '-j', 'DROP'));
}
async function metric(name: string): Promise<number> {
  const { stdout } = await run('nsenter', inside('curl', '-s', `http://127.0.0.1:${ADMIN}/metrics`));
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9]+)`, 'm').exec(stdout)?.[1] ?? -1);
}

async function setUp(): Promise<void> {
  // The namespace ends with the last program in it.
  namespace = new Program('unshare', [
    '--net',
    'sh',
    '-c',
    'ip link set lo up && echo up && exec sleep 3600',
  ]);
  programs.push(namespace);
  await until(() => namespace.stdout.includes('up'), `the namespace is there\n${namespace.output}`);
  const { port } = await said<{ port: number }>(begin(PEER, 'backend'));
  const timeouts = { head: '1s', idle: '1s', bodyIdle: '1s', request: '2s', tunnelIdle: '1s' };
  folder = new TempFolder({
    'gateway.d/route.yaml': route('all', [
      forward('/', port),
      // As long as it may take: what ends it is that nobody reads.
      forward('/endless', port, { timeouts: { request: '0s' } }),
    ]),
    'portreeve.yaml': stringify({ accessLog: { disabled: {} }, timeouts }),
  });
  const gateway = begin(
    ...[MAIN, 'serve', `${folder.path}/gateway.d`, '--config-file', `${folder.path}/portreeve.yaml`],
    ...['--listen', `127.0.0.1:${PORT}`, '--admin', `127.0.0.1:${ADMIN}`, '--threads', '1'],
  );
  await until(
    () => gateway.stderr.includes('"event":"ready"'),
    `the gateway is ready\n${gateway.output}`,
    30_000,
  );
}

// Namespaces and their packet filter need root, which CI has.
describe.skipIf(process.getuid?.() !== 0 && !process.env.CI)('half-open connections', () => {
  beforeAll(setUp);
  afterAll(async () => {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map((program) => program.exited()));
    folder?.delete();
  });

  it('every slot that a vanished client held is free by the time-outs', async () => {
    const clients = begin(PEER, 'client', String(PORT));
    const ports = Object.values(await said<Record<string, number>>(clients));
    expect(ports).toHaveLength(7);
    // Only what they and the gateway say to one another: a later connection to another port may begin at the same one.
    for (const port of ports) {
      await drop(port, PORT);
      await drop(PORT, port);
    }
    clients.kill('SIGKILL');
    await clients.exited();
    // None of them has said good-bye: only the gateway itself can end them.
    await until(
      async () => (await metric('gateway_connections_open')) === 0,
      'all connections are closed',
      30_000,
    );
    await until(async () => (await metric('gateway_requests_in_flight')) === 0, 'no request is left', 30_000);
    await until(async () => (await metric('gateway_tunnels_open')) === 0, 'no tunnel is left', 30_000);
    const { stdout: rules } = await run('nsenter', inside('iptables', '-nvxL', 'INPUT'));
    const ofClients = new RegExp(`^ *([0-9]+) .*DROP .*tcp spt:[0-9]+ dpt:${PORT}\\s*$`, 'gm');
    const dropped = [...rules.matchAll(ofClients)].map((match) => Number(match[1]));
    expect([dropped.length, dropped.filter((packets) => packets === 0)]).toEqual([7, []]);
    const { stdout } = await run(
      'nsenter',
      inside('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `http://127.0.0.1:${PORT}/ok`),
    );
    expect(stdout).toBe('200');
  });
});
