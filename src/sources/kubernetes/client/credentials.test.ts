import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApiClient } from './client.ts';
import { CredentialsLoader } from './credentials.ts';

let folder: string;
let server: Server;
let accepted: string;
let connections: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portreeve-credentials-'));
  connections = 0;
  server = createServer((request, response) => {
    const known = request.headers.authorization === `Bearer ${accepted}`;
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(known ? { fine: true } : { kind: 'Status', code: 401, reason: 'Unauthorized' }),
    );
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function writeKubeconfig(token: string): string {
  const path = join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const config = {
    clusters: [
      { name: 'c', cluster: { server: `http://127.0.0.1:${port}/`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

test('a token that was replaced is read after the first refusal', async () => {
  accepted = 'one';
  const client = new ApiClient(writeKubeconfig('one'));
  expect(client.namespace).toBe('shop');
  expect(await client.json({ path: '/' })).toEqual({ fine: true });
  accepted = 'two';
  writeKubeconfig('two');
  await expect(client.json({ path: '/' })).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' });
  expect(await client.json({ path: '/' })).toEqual({ fine: true });
  await client.close();
});

test('a half-written kubeconfig leaves the old credentials in use', async () => {
  const path = writeKubeconfig('one');
  const loader = new CredentialsLoader(path);
  writeFileSync(path, '{');
  loader.reload();
  expect((await loader.current()).headers.Authorization).toBe('Bearer one');
});

test('requests share connections', async () => {
  accepted = 'one';
  const client = new ApiClient(writeKubeconfig('one'));
  for (let count = 0; count < 10; count += 1) await client.json({ path: '/' });
  // A second one opens when a request begins before the answer before it is quite at its end.
  expect(connections).toBeLessThanOrEqual(2);
  await client.close();
});

test('a certificate file that was replaced is used by the next request', async () => {
  const path = join(folder, 'kubeconfig');
  const ca = join(folder, 'ca.crt');
  writeFileSync(ca, 'first');
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1', 'certificate-authority': ca } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(config));
  const loader = new CredentialsLoader(path);
  expect((await loader.current()).ca).toBe('first');
  writeFileSync(ca, 'second');
  utimesSync(ca, 0, 0);
  expect((await loader.current()).ca).toBe('second');
});

test('a kubeconfig without a cluster says so', () => {
  const path = join(folder, 'kubeconfig');
  writeFileSync(path, JSON.stringify({ clusters: [], users: [], contexts: [], 'current-context': 'x' }));
  expect(() => new CredentialsLoader(path)).toThrow(/current-context names no cluster/);
});
