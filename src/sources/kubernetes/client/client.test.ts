import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApiClient, type ApiRequest } from './client.ts';

let folder: string;
let server: Server;
let client: ApiClient;
/** Connections that have carried an answer; a server that restarts knows none of them. */
let kept: Set<Socket>;
/** Ends a connection in place of an answer. */
let drops: (request: IncomingMessage) => boolean;
/** Method and body of what was not dropped. */
let served: string[];
let dropped: number;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  if (drops(request)) {
    dropped += 1;
    request.socket.destroy();
    return;
  }
  kept.add(request.socket);
  served.push(`${request.method} ${body}`);
  response.writeHead(200, { 'content-type': 'application/json' });
  if (request.url === '/watch') response.write('{"line":1}\n');
  else response.end('{"fine":true}');
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portreeve-client-'));
  kept = new Set();
  drops = () => false;
  served = [];
  dropped = 0;
  server = createServer((request, response) => void answer(request, response).catch(() => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [
        { name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'u', user: { token: 'one' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  client = new ApiClient(kubeconfig);
});
afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** The next request loses its connection. */
function next(): () => boolean {
  let left = 1;
  return () => left-- > 0;
}

const methods = ['GET', 'PUT', 'PATCH', 'DELETE'] as const;

test.each(methods)('%s is sent again when the kept connection was closed under it', async (method) => {
  await client.json({ path: '/' });
  drops = next();
  const call: ApiRequest = { method, path: '/', ...(method === 'GET' ? {} : { body: { a: 1 } }) };
  expect(await client.json(call)).toEqual({ fine: true });
  expect([dropped, served]).toEqual([1, ['GET ', `${method} ${method === 'GET' ? '' : '{"a":1}'}`]]);
});

test('all idle connections may be dead at once', async () => {
  const calls = () => Promise.all(Array.from({ length: 8 }, () => client.json({ path: '/' })));
  await calls();
  // So that they are idle: an answer's last byte has been read.
  await new Promise(setImmediate);
  expect(kept.size).toBeGreaterThan(1);
  const old = new Set(kept);
  drops = ({ socket }) => old.has(socket);
  await calls();
  expect([dropped > 0, served.length]).toEqual([true, 16]);
});

test('what would be done twice is not sent again, unless the caller says that it may be', async () => {
  await client.json({ path: '/' });
  drops = next();
  const call: ApiRequest = { method: 'POST', path: '/', body: {} };
  await expect(client.json(call)).rejects.toThrow();
  expect([dropped, served]).toEqual([1, ['GET ']]);
  drops = next();
  expect(await client.json({ ...call, repeatable: true })).toEqual({ fine: true });
  expect(dropped).toBe(2);
});

test('a server that closes every connection is asked twice, not for ever', async () => {
  drops = () => true;
  await expect(client.json({ path: '/' })).rejects.toThrow();
  expect([dropped, client.requests]).toEqual([2, 2]);
});

test('a watch goes on while another connection is found dead', async () => {
  const abort = new AbortController();
  const watch = await client.open({ path: '/watch', signal: abort.signal });
  const lines = watch[Symbol.asyncIterator]();
  expect(String((await lines.next()).value)).toBe('{"line":1}\n');
  const watching = new Set(kept);
  drops = next();
  await client.json({ path: '/' });
  expect([dropped, [...watching].some(({ destroyed }) => destroyed)]).toEqual([1, false]);
  abort.abort();
  await expect(lines.next()).rejects.toThrow();
});
