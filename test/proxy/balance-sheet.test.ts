import net from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { head, RawClient } from '../e2e/support/raw-client.ts';
import { sleep, until } from '../e2e/support/wait.ts';
import { forward, TestDataPlane } from './data-plane.ts';

/**
 * Thousands of exchanges in which either side does what it likes. Whatever happened: when all is quiet nothing is counted as
 * under way, no socket is open, and nothing was thrown.
 */
const SEED = Number(process.env.SEED ?? 20_261);
const EXCHANGES = 3000;
const AT_ONCE = 24;

/** Mulberry32: the same seed, the same choices (though not the same interleaving). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = randomOf(SEED);
const pickOf = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
const upTo = (limit: number): number => Math.floor(random() * limit);

const LENGTH = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const CHUNKED = (body: string) =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Sum: 1\r\n\r\n`;
const LARGE = 'y'.repeat(300_000);
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

type Act = (socket: net.Socket) => void | Promise<void>;
const say =
  (text: string): Act =>
  (socket) =>
    void socket.write(text, 'latin1');

/** What a backend may do once a head has come. */
const BACKEND_ACTS: readonly Act[] = [
  say(LENGTH('ok')),
  say(LENGTH('ok')),
  say(LENGTH('ok')),
  say(CHUNKED('hello')),
  say(LENGTH(LARGE)),
  say(CHUNKED(LARGE)),
  say('HTTP/1.1 204 No Content\r\n\r\n'),
  say('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'),
  say('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy'),
  say(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${LENGTH('after')}`),
  say(`${LENGTH('ok')}HTTP/1.1 200 OK\r\n\r\nnobody asked`),
  say('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789'),
  say('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab'),
  say('\x00\x01garbage\r\n\r\n'),
  say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
  say(SWITCH),
  (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
  (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123'),
  (socket) => void socket.end(),
  (socket) => void socket.resetAndDestroy(),
  async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc');
    await sleep(upTo(10));
    socket.resetAndDestroy();
  },
  async (socket) => {
    for (const piece of ['HTTP/1.1 200 OK\r\nCont', 'ent-Length: 4\r\n', '\r\nab', 'cd']) {
      socket.write(piece);
      await sleep(upTo(4));
    }
  },
  async (socket) => {
    await sleep(upTo(120));
    socket.write(LENGTH('late'));
  },
  // Hangs until a time-out.
  () => undefined,
];

class Backend {
  readonly sockets = new Set<net.Socket>();
  readonly server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as net.AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  #accept(socket: net.Socket): void {
    this.sockets.add(socket);
    let tail = '';
    let tunnel = false;
    socket
      .on('data', (chunk: Buffer) => {
        if (tunnel) {
          socket.write(chunk);
          return;
        }
        // Heads are what counts here; bodies are read and forgotten.
        tail = (tail + chunk.toString('latin1')).slice(-4000);
        const at = tail.lastIndexOf('\r\n\r\n');
        if (at < 0 || !/^[A-Z]+ \//m.test(tail)) return;
        tunnel = /upgrade: echo/i.test(tail) && random() < 0.7;
        tail = '';
        const act = tunnel ? say(SWITCH) : pickOf(BACKEND_ACTS);
        if (random() < 0.1) socket.pause().once('resume', () => undefined);
        setTimeout(() => socket.resume(), 15);
        if (socket.writable) void act(socket);
      })
      .on('end', () => setTimeout(() => socket.end(), upTo(10)))
      .on('error', () => undefined)
      .on('close', () => this.sockets.delete(socket));
  }
}

function bodyOf(): string {
  const size = pickOf([0, 3, 2000, 100_000]);
  if (random() < 0.5) return `Content-Length: ${size}\r\n\r\n${'b'.repeat(size)}`;
  const chunk = size === 0 ? '' : `${size.toString(16)}\r\n${'b'.repeat(size)}\r\n`;
  return `Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
}

function requestOf(): string {
  const kind = upTo(12);
  const start = (method: string, version = '1.1') => `${method} / HTTP/${version}\r\nHost: shop.test\r\n`;
  if (kind < 4) return head('GET /');
  if (kind < 7) return `${start(pickOf(['POST', 'PUT']))}${bodyOf()}`;
  if (kind === 7) return `${start('HEAD')}\r\n`;
  if (kind === 8) return `${start('GET', '1.0')}${pickOf(['', 'Connection: keep-alive\r\n'])}\r\n`;
  if (kind === 9)
    return `${start('GET')}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n${pickOf(['', 'early'])}`;
  if (kind === 10) return `${start('POST')}Expect: 100-continue\r\n${bodyOf()}`;
  return pickOf([
    `${start('POST')}Transfer-Encoding: chunked\r\n\r\nfoo\r\n`,
    'GET / HTTP/1.1\r\n\r\n',
    `${start('GET')}Connection: close\r\n\r\n`,
  ]);
}

async function oneClient(port: number): Promise<number> {
  const client = await RawClient.connect(port);
  const count = 1 + upTo(4);
  const text = Array.from({ length: count }, requestOf).join('');
  if (random() < 0.15) client.socket.pause();
  // Sometimes in pieces, sometimes not all of it.
  const end = random() < 0.2 ? upTo(text.length) : text.length;
  if (random() < 0.3) {
    const cut = upTo(end);
    client.write(text.slice(0, cut));
    await sleep(upTo(5));
    client.write(text.slice(cut, end));
  } else client.write(text.slice(0, end));
  const patience = upTo(60);
  for (let waited = 0; waited < patience && client.ending === 'open'; waited += 5) await sleep(5);
  const parting = upTo(5);
  if (parting === 0) client.reset();
  else if (parting === 1) client.destroy();
  else {
    client.end();
    client.socket.resume();
    for (let waited = 0; waited < 100 && client.ending === 'open'; waited += 5) await sleep(5);
    client.destroy();
  }
  return count;
}

const backends = [new Backend(), new Backend(), new Backend()];
let gateway: TestDataPlane;
const thrown: unknown[] = [];
const note = (error: unknown): void => void thrown.push(error);

beforeAll(async () => {
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  const ports = await Promise.all(backends.map((backend) => backend.start()));
  const retry = {
    attempts: 2,
    when: ['connect', 'reset', 'timeout', { status: 503 }],
    backoff: { kind: 'linear', baseMs: 2, maxMs: 5 },
    budget: 0.5,
  } as const;
  const action = forward({
    balancing: 'leastRequest',
    retry,
    hedge: { afterMs: 40 },
    backendTimeout: { kind: 'after', ms: 80 },
    requestTimeout: { kind: 'after', ms: 400 },
    idleTimeout: { kind: 'after', ms: 200 },
    mirrors: [{ cluster: 'Service/test/shop:80', percent: 5 }],
  });
  gateway = await TestDataPlane.start(action, ports, {
    timeouts: { headMs: 300, idleMs: 500, upstreamIdleMs: 300, tunnelIdleMs: 200, connectMs: 500 },
    pool: { maxConnectionsPerEndpoint: 8, maxPendingPerEndpoint: 20, maxIdlePerEndpoint: 4 },
    policies: {
      lazy: {
        onRequest: () => (random() < 0.1 ? sleep(upTo(5)) : undefined),
        onResponse: () => (random() < 0.1 ? sleep(upTo(5)) : undefined),
      },
    },
  });
});

afterAll(() => {
  gateway?.stop();
  for (const backend of backends) backend.stop();
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
});

it(`balances after ${EXCHANGES} exchanges (SEED=${SEED})`, async () => {
  let todo = EXCHANGES;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (todo > 0) {
        const asked = await oneClient(gateway.port);
        todo -= asked;
      }
    }),
  );
  const quiet = { inFlight: 0, tunnels: 0, pending: 0, idle: 0, upstream: 0, clients: 0 };
  const balanced = () => JSON.stringify(gateway.gauges()) === JSON.stringify(quiet);
  // The longest that anything may last is a mirror's 10 s.
  await until(balanced, 'nothing is open', 14_000).catch(() => undefined);
  expect(gateway.gauges()).toEqual(quiet);
  expect(thrown).toEqual([]);
  expect(gateway.logs).toEqual([]);
  const left = () =>
    backends.flatMap((backend) => [...backend.sockets]).filter((socket) => !socket.destroyed);
  await until(() => left().length === 0, 'the backends are left');
}, 40_000);
