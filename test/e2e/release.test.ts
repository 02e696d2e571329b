import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Program } from './support/process.ts';
import { TempFolder } from './support/temp-folder.ts';
import { until } from './support/wait.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ROUTE = `
apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: hello, namespace: default }
spec:
  rules: [{ respond: { body: from the bundle } }]
`;

// Outside the checkout: a bundle that needs node_modules or the sources fails.
const folder = new TempFolder({ 'gateway.d/hello.yaml': ROUTE });
const main = path.join(folder.path, 'dist/main.js');

beforeAll(() => {
  const arguments_ = ['-c', 'rolldown.config.ts', '--dir', path.join(folder.path, 'dist')];
  execFileSync(path.join(ROOT, 'node_modules/.bin/rolldown'), arguments_, { cwd: ROOT, stdio: 'pipe' });
});
afterAll(() => folder.delete());

test('the bundle knows its version', () => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const output = execFileSync(process.execPath, [main, 'version'], { encoding: 'utf8' });
  expect(output).toContain(manifest.version);
});

test('the bundle serves a folder', async () => {
  const addresses = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--threads', '2'];
  const gateway = new Program(process.execPath, [
    main,
    'serve',
    path.join(folder.path, 'gateway.d'),
    ...addresses,
  ]);
  try {
    const port = () => /"event":"ready".*?"port":(\d+)/.exec(gateway.stderr)?.[1];
    await until(
      () => gateway.exit !== null || port() !== undefined,
      `the gateway is ready\n${gateway.output}`,
    );
    expect(gateway.exit, gateway.output).toBeNull();
    const answer = await fetch(`http://127.0.0.1:${port()}/`, { headers: { connection: 'close' } });
    expect(await answer.text()).toBe('from the bundle');
    gateway.kill('SIGTERM');
    expect(await gateway.exited()).toEqual({ code: 0, signal: null });
  } finally {
    gateway.kill('SIGKILL');
  }
});
