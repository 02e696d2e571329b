import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandsToTry } from '../../examples/shop/try.ts';
import { Program } from './support/process.ts';
import { TempFolder } from './support/temp-folder.ts';
import { until } from './support/wait.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** A stream without end is cut here. */
const COMMAND_DEADLINE_MS = 10_000;

const folder = new TempFolder();
let shop: Program;
let gateway = '';
let commands: ReturnType<typeof commandsToTry>;

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A checkout with the shop on ports of its own, so that one that someone else runs is not in the way. */
function copyShop(ports: readonly number[]): void {
  const copy = path.join(folder.path, 'examples/shop');
  cpSync(path.join(ROOT, 'examples/shop'), copy, { recursive: true });
  for (const name of ['src', 'node_modules', 'package.json']) {
    symlinkSync(path.join(ROOT, name), path.join(folder.path, name));
  }
  const yaml = readdirSync(path.join(copy, 'gateway.d')).map((name) => path.join(copy, 'gateway.d', name));
  for (const file of [path.join(copy, 'start.ts'), ...yaml]) {
    const text = readFileSync(file, 'utf8').replace(/\b900([123])\b/g, (_, n) => String(ports[n - 1]));
    writeFileSync(file, text);
  }
}

beforeAll(async () => {
  const [listen, admin, ...backends] = await freePorts(5);
  gateway = `127.0.0.1:${listen}`;
  commands = commandsToTry(gateway, `127.0.0.1:${admin}`);
  copyShop(backends);
  shop = new Program(process.execPath, [
    path.join(folder.path, 'examples/shop/start.ts'),
    ...['--listen', gateway, '--admin', `127.0.0.1:${admin}`],
  ]);
  await until(
    () => shop.exit !== null || shop.stdout.includes('Ctrl-C ends all of it'),
    'the shop is open',
    30_000,
  );
  expect(shop.exit, shop.output).toBeNull();
});

// Not SIGKILL: the shop ends its gateway itself.
afterAll(async () => {
  shop?.kill('SIGTERM');
  await shop?.exited();
  folder.delete();
});

/** Output of one of the printed commands, as someone would run it. */
function run(what: string, seen: RegExp): Promise<string> {
  const found = commands.find((each) => each.what === what);
  expect(shop.stdout).toContain(found!.command);
  return new Promise((resolve) => {
    let output = '';
    const child = execFile('bash', ['-c', found!.command], {
      cwd: folder.path,
      timeout: COMMAND_DEADLINE_MS,
    });
    child.stdout?.on('data', (text: string) => {
      output += text;
      if (seen.test(output)) child.kill();
    });
    child.once('close', () => resolve(output));
  });
}

const EXPECTED: readonly (readonly [what: string, output: RegExp])[] = [
  ['a route with a path rewrite', /^HTTP\/1\.1 200 .*"name":"Ada","requestId":".+","client":"127\.0\.0\.1"/s],
  ['nine in ten from version 1', /("version":"v[12]".*){10}/s],
  ['the canary', /^\{"version":"v2","id":2,/],
  ['a redirect', /^location: \S*\/api\/catalog\/3\s*$/i],
  ['a time-out of one second', /^HTTP\/1\.1 504 .*"status":504/s],
  ['no such route', /^HTTP\/1\.1 404 .*"status":404/s],
  ['server-sent events', /id: 1\n.*id: 2\n/s],
  ['a WebSocket', /< Say something, and it comes back\.\n< hello\n/],
  ['which route would take it, and why', /canary.*catalog\.yaml:\d+/s],
  ['a change, live', /Hello from the shop/],
  ['metrics', /gateway_requests_total\{[^}]*path="\/api\/catalog[^}]*\} \d/],
  ['what is being served', /"generation": ?\d/],
];

test.each(EXPECTED)('%s', async (what, output) => {
  expect(await run(what, output)).toMatch(output);
});

test('every printed command is tried here', () => {
  expect(commands.map(({ what }) => what)).toEqual(EXPECTED.map(([what]) => what));
});

test('a taken port is named, with what to do', async () => {
  const second = new Program(process.execPath, [path.join(folder.path, 'examples/shop/start.ts')]);
  const exit = await second.exited();
  expect(exit.code).toBe(1);
  expect(second.stderr).toMatch(/backend "users" can't listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*ss -ltnp/s);
});

test('Ctrl-C ends the gateway and the backends', async () => {
  shop.kill('SIGINT');
  expect(await shop.exited(), shop.output).toEqual({ code: 0, signal: null });
  await expect(fetch(`http://${gateway}/`)).rejects.toThrow();
});
