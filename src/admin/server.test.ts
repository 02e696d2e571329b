import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './server.ts';
import { sampleView } from './testing.ts';

const SECRET = 'Zx9Qv4Tk7LmN2pRs';
let server: AdminServer;
let base: string;
let view: ReturnType<typeof sampleView>;
const errors: Error[] = [];
beforeEach(async () => {
  view = sampleView(SECRET);
  errors.length = 0;
  server = await startAdminServer({
    address: '127.0.0.1',
    port: 0,
    view,
    onError: (error) => errors.push(error),
  });
  base = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.close());

interface Readiness {
  ready: boolean;
  reasons: { code: string; thread?: number }[];
}
interface Config {
  generation: number;
  threads: object[];
  routes: { key: string }[];
  clusters: { key: string }[];
  findings: object[];
}

const get = (path: string, init?: RequestInit) => fetch(base + path, init);
const json = async <T>(path: string) => (await (await get(path)).json()) as T;

describe('health', () => {
  it('is ok while the control thread answers, drain or not', async () => {
    view.state.draining = true;
    const reply = await get('/healthz');
    expect([reply.status, await reply.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('is ready when every thread listens and has a table', async () => {
    const reply = await get('/readyz');
    expect([reply.status, await reply.json()]).toEqual([200, { ready: true, reasons: [], warnings: [] }]);
  });

  it('says why it is not ready', async () => {
    const [first, second] = view.state.threads;
    view.state.draining = true;
    view.state.threads = [
      { ...first!, listening: false },
      { ...second!, generation: null, listening: false },
      { ...second!, threadId: 2, running: false },
    ];
    const reply = await get('/readyz');
    expect(reply.status).toBe(503);
    const { ready, reasons } = (await reply.json()) as Readiness;
    expect(ready).toBe(false);
    expect(reasons.map((reason) => [reason.code, reason.thread])).toEqual([
      ['draining', undefined],
      ['threadNotListening', 0],
      ['threadWithoutTable', 1],
      ['threadNotRunning', 2],
    ]);
    view.state.draining = false;
    view.state.threads = [];
    expect((await json<Readiness>('/readyz')).reasons[0]!.code).toBe('noThreads');
  });
});

describe('/config', () => {
  it('shows what is served and where it was written', async () => {
    const reply = await get('/config');
    expect(reply.headers.get('content-type')).toContain('application/json');
    const config = (await reply.json()) as Config;
    expect(config.generation).toBe(7);
    expect(config.threads).toMatchObject([
      { threadId: 0, generation: 7 },
      { threadId: 1, generation: 6 },
    ]);
    expect(config.routes[0]).toMatchObject({
      key: 'GatewayRoute/shop/users',
      origin: 'shop/users.yaml:1:1',
      hosts: ['api.example.com'],
      rules: [
        {
          name: 'read',
          origin: 'shop/users.yaml:9:5',
          action: { kind: 'forward', backends: [{ cluster: 'Service/shop/users:http', weight: 1 }] },
          policies: [{ name: 'apiKey', origin: 'shop/users.yaml:9:5' }],
        },
        { name: 'fixed', action: { kind: 'respond', status: 200, bodyBytes: 16, headers: ['x-internal'] } },
      ],
    });
    expect(config.clusters[0]).toMatchObject({ service: 'users.shop', endpoints: [{ address: '10.0.0.4' }] });
    expect(config.findings[0]).toMatchObject({ code: 'backendNotFound', severity: 'error' });
  });

  it('never shows a secret', async () => {
    const text = await (await get('/config')).text();
    expect(text).toContain('redacted');
    expect(text).not.toContain(SECRET);
    expect(await (await get('/config?route=shop/users')).text()).not.toContain(SECRET);
  });

  it('shows one route with its clusters and findings', async () => {
    const config = await json<Config>('/config?route=shop/users');
    expect(config.routes).toHaveLength(1);
    expect(config.clusters.map((cluster) => cluster.key)).toEqual(['Service/shop/users:http']);
    expect((await json<Config>('/config?route=shop/broken')).findings).toHaveLength(1);
    expect((await get('/config?route=shop/none')).status).toBe(404);
    for (const bad of ['users', 'a/b/c', '../x', 'A/b', 'a/b&route=c/d', '%00/a', '']) {
      expect((await get(`/config?route=${bad}`)).status).toBe(400);
    }
  });

  it('is whole for thousands of routes', async () => {
    view.state.repeat = 2_000;
    const config = await json<Config>('/config');
    expect(config.routes).toHaveLength(2_000);
    expect(new Set(config.routes.map((route) => route.key)).size).toBe(2_000);
  });
});

describe('the server', () => {
  it('answers /version and /metrics, compressed when asked', async () => {
    expect(await (await get('/version')).json()).toEqual({
      version: '1.2.3',
      revision: 'abc',
      node: process.version,
    });
    const plain = await get('/metrics', { headers: { 'accept-encoding': 'identity, gzip;q=0' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('content-type')).toContain('version=0.0.4');
    expect(await plain.text()).toBe('up 1\n');
    const raw = request(`${base}/metrics`, { headers: { 'accept-encoding': 'gzip' } }).end();
    const [reply] = await once(raw, 'response');
    expect(gunzipSync(Buffer.concat(await reply.toArray())).toString()).toBe('up 1\n');
  });

  it('only reads', async () => {
    expect((await get('/readyz', { method: 'HEAD' })).status).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const reply = await get('/config', { method });
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    const nothing = await get('/');
    expect([nothing.status, await nothing.json()]).toMatchObject([
      404,
      { title: 'Not Found', detail: expect.stringContaining('/metrics, /config') },
    ]);
    expect((await get('/config/../../etc/passwd')).status).toBe(404);
    expect((await get('/%zz')).status).toBeLessThan(500);
    const posted = await get('/healthz', { method: 'POST', body: 'x'.repeat(100_000) });
    expect([405, 413]).toContain(posted.status);
  });

  it('keeps the reason of a failure to itself and its log', async () => {
    view.state.metricsError = new Error(`at /srv/app/secret.ts ${SECRET}`);
    const reply = await get('/metrics');
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toMatch(/srv|Zx9|stack/);
    expect(errors).toEqual([view.state.metricsError]);
    view.state.metricsError = null;
    expect((await get('/metrics')).status).toBe(200);
  });

  it('answers no web page that pointed its own name at it', async () => {
    const status = async (host: string) => {
      const raw = request(`${base}/config`, { headers: { host } }).end();
      const [reply] = await once(raw, 'response');
      reply.resume();
      return reply.statusCode;
    };
    expect(await status('evil.example.com')).toBe(421);
    expect(await status('127.0.0.1.evil.example.com')).toBe(421);
    expect(await status(`localhost:${server.port}`)).toBe(200);
    expect(await status('[::1]:9901')).toBe(200);
  });

  it('says what to do when the port is taken', async () => {
    const { port } = server;
    await expect(startAdminServer({ address: '127.0.0.1', port, view, onError() {} })).rejects.toThrow(
      `the admin server can't listen on 127.0.0.1 port ${port}: another program does; set admin.port`,
    );
  });

  it('answers a probe while hundreds of clients hold connections and say nothing', async () => {
    const idle: Socket[] = [];
    for (let i = 0; i < 300; i += 1) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      socket.write('GET /config HTTP/1.1\r\nHost: localhost\r\n');
      idle.push(socket);
    }
    await Promise.all(idle.map((socket) => once(socket, 'connect').catch(() => {})));
    expect((await get('/healthz')).status).toBe(200);
    await sleep(100);
    const open = idle.filter(
      (socket) => !socket.closed && !socket.readableEnded && socket.readyState === 'open',
    );
    expect(open.length).toBeLessThanOrEqual(64);
    for (const socket of idle) socket.destroy();
  });

  it('renders a page once for all who ask at the same time', async () => {
    view.state.metricsMs = 100;
    const replies = await Promise.all(Array.from({ length: 40 }, () => get('/metrics')));
    expect(replies.map((reply) => reply.status)).toEqual(Array(40).fill(200));
    await Promise.all(replies.map((reply) => reply.arrayBuffer()));
    expect(view.state.rendered).toBe(1);
  });
});
