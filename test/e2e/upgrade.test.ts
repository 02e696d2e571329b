import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, RawClient } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { tlsOfClients } from './support/transport.ts';
import { ok, RecordingUpstream } from './support/upstream.ts';
import { sleep, until, within } from './support/wait.ts';

/** Tunnels after a 101, and only after a 101. */
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
let upstream: RecordingUpstream;
let server: WebSocketServer;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  gateway = await startGateway({
    files: { 'route.yaml': route('all', [forward('/ws', port), forward('/', upstream.port)]) },
  });
});
afterAll(async () => {
  await gateway?.stop();
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
  await upstream?.stop();
});

function upgrade(target: string, protocol = 'echo'): string {
  return head(`GET ${target}`, 'Connection: Upgrade', `Upgrade: ${protocol}`);
}

describe('WebSocket', () => {
  function open(): Promise<WebSocket> {
    const tls = tlsOfClients();
    const options = { servername: 'shop.test', headers: { host: 'shop.test' }, rejectUnauthorized: false };
    const scheme = tls === null ? 'ws' : 'wss';
    const socket = new WebSocket(`${scheme}://127.0.0.1:${gateway.port}/ws`, tls === null ? {} : options);
    return within(
      new Promise((resolve, reject) => {
        socket.once('open', () => resolve(socket));
        socket.once('error', reject);
      }),
      'the WebSocket opens',
    );
  }

  it('echoes text and binary of all sizes', async () => {
    const socket = await open();
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1 << 20]) {
      const echoed = new Promise<Buffer>((resolve) =>
        socket.once('message', (data) => resolve(data as Buffer)),
      );
      socket.send(Buffer.alloc(size, 7));
      expect((await within(echoed, `the echo of ${size} bytes`)).equals(Buffer.alloc(size, 7))).toBe(true);
    }
    socket.terminate();
  });

  it('a close by the client reaches the backend with its code, and comes back', async () => {
    const socket = await open();
    const atBackend = new Promise<number>((resolve) => {
      for (const client of server.clients) client.once('close', resolve);
    });
    const atClient = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.close(4001, 'done');
    expect(await within(Promise.all([atBackend, atClient]), 'both ends close')).toEqual([4001, 4001]);
  });

  it('a close by the backend reaches the client with its code', async () => {
    const socket = await open();
    const atClient = new Promise<number>((resolve) => socket.once('close', resolve));
    for (const client of server.clients) client.close(4002);
    expect(await within(atClient, 'the client hears it')).toBe(4002);
  });

  it('a client that is gone without a word ends the backend side', async () => {
    const socket = await open();
    const [backend] = [...server.clients].filter((client) => client.readyState === WebSocket.OPEN);
    const gone = new Promise((resolve) => backend!.once('close', resolve));
    socket.terminate();
    await within(gone, 'the backend hears it');
  });
});

describe('the tunnel', () => {
  it('forwards the handshake with its headers, then bytes as they are', async () => {
    upstream.script = (_, connection) => connection.write(SWITCH);
    const client = await RawClient.connect(gateway.port);
    client.write(upgrade('/tunnel'));
    expect((await client.answer()).status).toBe(101);
    const request = requestFor(upstream, '/tunnel')!;
    expect([request.header('upgrade'), request.header('connection')?.toLowerCase()]).toEqual([
      'echo',
      'upgrade',
    ]);
    const strange = 'GET /inside HTTP/1.1\r\n\r\n\0\xff\r\n';
    client.write(strange);
    await until(() => request.connection.text.endsWith(strange), 'the bytes are at the backend');
    request.connection.write('\0\x01back');
    await until(() => client.text.endsWith('\0\x01back'), 'the bytes are at the client');
    client.end();
    await until(() => request.connection.ended, 'the end is at the backend');
    client.destroy();
  });

  it('bytes sent before the 101 wait for it', async () => {
    let early = '';
    upstream.script = async (request, connection) => {
      await sleep(100);
      early = connection.text.slice(request.message.end);
      connection.write(`${SWITCH}from backend`);
    };
    const client = await RawClient.connect(gateway.port);
    client.write(`${upgrade('/early')}EARLY BYTES`);
    await until(() => client.text.endsWith('from backend'), 'the tunnel is open');
    const request = requestFor(upstream, '/early')!;
    await until(() => request.connection.text.endsWith('EARLY BYTES'), 'the early bytes follow');
    expect(early).toBe('');
    client.destroy();
  });

  it('no tunnel without a 101: what follows is a request of its own', async () => {
    upstream.script = async (request, connection) => {
      await sleep(20);
      connection.write(ok(request.target));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(upgrade('/declined') + head('GET /after-declined'));
    await until(() => client.responses().length === 2 || client.ending !== 'open', 'it goes on or ends');
    expect(client.responses()[0]).toMatchObject({ status: 200, body: '/declined' });
    const declined = requestFor(upstream, '/declined')!;
    const after = upstream.requests.find((request) => request.target === '/after-declined');
    // As a request that was routed, never as bytes behind the first one.
    if (after !== undefined) expect(after.header('x-request-id')).not.toBe(declined.header('x-request-id'));
    client.destroy();
  });

  it('a backend that ends the tunnel ends it for the client', async () => {
    upstream.script = (_, connection) => {
      connection.write(`${SWITCH}bye`);
      connection.socket.end();
    };
    const client = await RawClient.connect(gateway.port);
    client.write(upgrade('/ending'));
    await client.closed();
    expect(client.text.endsWith('bye')).toBe(true);
    client.destroy();
  });
});
