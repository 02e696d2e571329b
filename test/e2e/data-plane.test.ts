import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { issueCertificate } from '../../src/admin/webhook/certificate.ts';
import { certificateFor, fingerprintOf, secretWith, tlsListener } from './support/certificates.ts';
import { startLoad } from './support/load.ts';
import { Program } from './support/process.ts';
import { get, RawClient } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { TempFolder } from './support/temp-folder.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** A controller and a data plane that are programs of their own: the one may go away and come back, the other serves. */
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SLOW_MS = 45_000;
const secrets = mkdtempSync(join(tmpdir(), 'portreeve-secrets-'));
const file = (name: string): string => join(secrets, name);
let one: RecordingUpstream;
let two: RecordingUpstream;
let folder: TempFolder;
let state: TempFolder;
let streamPort = 0;
const programs: Program[] = [];

beforeAll(async () => {
  one = await RecordingUpstream.start(answering('one'));
  two = await RecordingUpstream.start(answering('two'));
  const pair = await issueCertificate({ names: ['localhost'], nowMs: Date.now(), lifetimeMs: 3_600_000 });
  for (const [name, text] of Object.entries({ ...pair, token: 'shared-between-the-two\n' }))
    writeFileSync(file(name), text, { mode: 0o600 });
});
afterAll(async () => {
  await one?.stop();
  await two?.stop();
  rmSync(secrets, { recursive: true });
});

afterEach(async () => {
  ownListeners = false;
  for (const program of programs) program.kill('SIGKILL');
  for (const program of programs.splice(0)) await program.exited();
  folder.delete();
  state.delete();
});

async function prepare(): Promise<void> {
  folder = new TempFolder({ 'route.yaml': route('all', [forward('/', one.port)]) });
  folder.write('portreeve.yaml', 'accessLog: { disabled: {} }\n');
  state = new TempFolder();
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  streamPort = (server.address() as net.AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
}

/** Its listeners are those of `portreeve.yaml`. */
let ownListeners = false;

function run(...args: readonly string[]): Program {
  const listen = ownListeners ? [] : ['--listen', '127.0.0.1:0'];
  const common = [...listen, '--admin', '127.0.0.1:0', '--threads', '1'];
  const program = new Program(process.execPath, [MAIN, ...args, ...common]);
  programs.push(program);
  return program;
}

function startController(): Program {
  const stream = ['--stream', `localhost:${streamPort}`, '--stream-token-file', file('token')];
  const certificate = ['--stream-cert', file('cert'), '--stream-key', file('key')];
  return run('serve', folder.path, ...stream, ...certificate);
}

function startDataPlane(): Program {
  const follow = ['--controller', `https://localhost:${streamPort}`, '--ca-file', file('ca')];
  const settings = ['--config-file', join(folder.path, 'portreeve.yaml')];
  return run('data-plane', ...follow, '--token-file', file('token'), '--state-dir', state.path, ...settings);
}

interface Ports {
  readonly port: number;
  readonly adminPort: number;
}

async function ready(program: Program): Promise<Ports> {
  const line = (): string | undefined =>
    program.stderr.split('\n').find((text) => text.includes('"event":"ready"') && text.endsWith('}'));
  await until(() => program.exit !== null || line() !== undefined, 'it is ready', SLOW_MS).catch(() => {});
  if (line() === undefined) throw new Error(`it did not get ready\n${program.output}`);
  const entry = JSON.parse(line()!) as { listeners: { port: number }[]; adminPort: number };
  return { port: entry.listeners[0]!.port, adminPort: entry.adminPort };
}

async function page(adminPort: number, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers: { connection: 'close' } });
  return answer.text();
}

const answers = async (port: number, body: string): Promise<boolean> => (await get(port, '/')).body === body;

it('a controller that is killed and comes back costs no request, and changes arrive after', async () => {
  await prepare();
  const controller = startController();
  const plane = startDataPlane();
  const { port, adminPort } = await ready(plane);
  await ready(controller);
  const load = startLoad({ port, clients: 4 });
  await until(() => answers(port, 'one'), 'the table of the controller serves');

  controller.kill('SIGKILL');
  await controller.exited();
  await until(async () => (await page(adminPort, '/readyz')).includes('controllerAway'), 'the loss is shown');
  expect(JSON.parse(await page(adminPort, '/readyz'))).toMatchObject({ ready: true });
  expect(await page(adminPort, '/metrics')).toContain('gateway_controller_connected 0');

  folder.write('route.yaml', route('all', [forward('/', two.port)]));
  const again = startController();
  await until(() => answers(port, 'two'), `the change arrives\n${plane.output}`, SLOW_MS);
  await ready(again);
  folder.write('route.yaml', route('all', [forward('/', one.port)]));
  await until(() => answers(port, 'one'), `the next change arrives\n${plane.output}`, SLOW_MS);
  expect(await page(adminPort, '/metrics')).toContain('gateway_controller_connected 1');
  const { answered, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(50);
}, 180_000);

it('a data plane that starts while the controller is away serves the table from disk', async () => {
  await prepare();
  const controller = startController();
  const first = startDataPlane();
  const { port } = await ready(first);
  await until(() => answers(port, 'one'), 'it serves');
  first.kill('SIGTERM');
  expect(await first.exited()).toEqual({ code: 0, signal: null });
  await until(() => controller.stderr.includes('"leaving":true'), 'the controller is told');
  controller.kill('SIGKILL');
  await controller.exited();

  const second = startDataPlane();
  const ports = await ready(second);
  expect(await answers(ports.port, 'one')).toBe(true);
  expect(await page(ports.adminPort, '/metrics')).toContain('gateway_saved_table_served 1');

  folder.write('route.yaml', route('all', [forward('/', two.port)]));
  startController();
  await until(() => answers(ports.port, 'two'), `the controller's table serves\n${second.output}`, SLOW_MS);
  expect(await page(ports.adminPort, '/metrics')).toContain('gateway_saved_table_served 0');
}, 180_000);

it('certificates of listeners come from the controller, and from disk while it is away', async () => {
  await prepare();
  ownListeners = true;
  const settings = { accessLog: { disabled: {} }, listeners: [tlsListener(['shop-tls'])] };
  folder.write('portreeve.yaml', stringify(settings));
  const [before, after] = [await certificateFor('shop.test'), await certificateFor('shop.test')];
  folder.write('tls.yaml', secretWith('shop-tls', before));
  const shown = async (port: number): Promise<string> => {
    const client = await RawClient.connect(port, { tls: {} });
    client.destroy();
    return client.fingerprint;
  };
  const controller = startController();
  const first = startDataPlane();
  const { port } = await ready(first);
  expect(await shown(port)).toBe(fingerprintOf(before));
  folder.write('tls.yaml', secretWith('shop-tls', after));
  await until(async () => (await shown(port)) === fingerprintOf(after), 'the new one comes', SLOW_MS);
  first.kill('SIGTERM');
  expect(await first.exited()).toEqual({ code: 0, signal: null });
  controller.kill('SIGKILL');
  await controller.exited();
  const second = startDataPlane();
  expect(await shown((await ready(second)).port)).toBe(fingerprintOf(after));
}, 180_000);

it('a data plane with nothing to serve waits, and ends when it is told to', async () => {
  await prepare();
  const plane = startDataPlane();
  await until(() => plane.stderr.includes('nothing to serve yet'), `it says so\n${plane.output}`, SLOW_MS);
  plane.kill('SIGTERM');
  expect(await plane.exited()).toEqual({ code: 0, signal: null });
  expect(plane.stderr).not.toContain('"event":"ready"');
}, 120_000);

it('tells what is missing, before anything is listened on', async () => {
  await prepare();
  for (const [args, message] of [
    [['serve', folder.path, '--stream', 'localhost:0'], 'nobody else may follow'],
    [['data-plane', '--controller', 'http://example.com:1'], 'would show the token to everyone'],
    [['data-plane', '--controller', 'example.com'], 'write https://NAME:PORT'],
  ] as const) {
    const program = run(...args);
    expect(await program.exited(SLOW_MS)).toEqual({ code: 2, signal: null });
    expect(program.stderr).toContain(message);
  }
}, 120_000);
