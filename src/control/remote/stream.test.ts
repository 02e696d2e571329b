import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CertificatePair, issueCertificate } from '../../admin/webhook/certificate.ts';
import type { Publisher } from '../publisher.ts';
import { sharedToken } from './authenticator.ts';
import { DataPlanes } from './data-planes.ts';
import { type FollowerOptions, TableFollower } from './follower.ts';
import { Journal } from './journal.ts';
import { encodeLine } from './lines.ts';
import { STREAM_PROTOCOL } from './protocol.ts';
import { StreamServer, type StreamServerOptions } from './stream-server.ts';
import {
  FAST_TIMING,
  KeptLog,
  makeDelta,
  makeEndpoints,
  makeRoute,
  PLAIN,
  publisherWithoutThreads,
  tableOf,
} from './testing.ts';

const TOKEN = 'a-token-that-both-sides-know';
const folder = mkdtempSync(join(tmpdir(), 'portreeve-stream-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, `${TOKEN}\n`);
const closers: (() => Promise<unknown> | unknown)[] = [];
let pair: CertificatePair;
let stranger: CertificatePair;

beforeAll(async () => {
  const request = { names: ['localhost'] as const, nowMs: Date.now(), lifetimeMs: 3_600_000 };
  [pair, stranger] = await Promise.all([issueCertificate(request), issueCertificate(request)]);
  return () => rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Controller {
  readonly publisher: Publisher;
  readonly journal: Journal;
  readonly dataPlanes: DataPlanes;
  readonly server: StreamServer;
  readonly log: KeptLog;
  readonly port: number;
}

async function startController(
  options: Partial<StreamServerOptions> & {
    publisher?: Publisher;
    forgetMs?: number;
    maxBytes?: number;
  } = {},
): Promise<Controller> {
  const { publisher = publisherWithoutThreads(), forgetMs, maxBytes, ...server } = options;
  const log = new KeptLog();
  const stream = new StreamServer({
    ...{ ...PLAIN, log, timing: FAST_TIMING, authenticate: sharedToken(tokenFile) },
    ...{ certificate: { cert: pair.cert, key: pair.key }, address: 'localhost' },
    ...server,
  });
  const { port } = await stream.listen();
  closers.push(() => stream.close());
  const dataPlanes = new DataPlanes(publisher, forgetMs);
  if (publisher.generation === 0) publisher.publish(makeDelta({ upsertRoutes: [makeRoute('first')] }), []);
  const journal = new Journal(publisher, maxBytes === undefined ? {} : { maxBytes });
  stream.begin({ journal, dataPlanes });
  return { publisher, journal, dataPlanes, server: stream, log, port };
}

interface Follower {
  readonly publisher: Publisher;
  readonly follower: TableFollower;
  readonly log: KeptLog;
  readonly told: string[];
}

interface Target {
  readonly port: number;
  readonly host?: string;
  readonly ca?: string | null;
  readonly token?: string;
  readonly version?: string;
}

function follow({ port, ...target }: Target, options: Partial<FollowerOptions> = {}): Follower {
  const publisher = publisherWithoutThreads();
  const log = new KeptLog();
  const told: string[] = [];
  const ca = target.ca === undefined ? pair.ca : target.ca;
  const follower = new TableFollower({
    target: async () => ({
      ...{ host: target.host ?? 'localhost', port, name: 'plane', version: target.version ?? '1' },
      ...{ token: target.token ?? TOKEN, tls: ca === null ? null : { ca } },
    }),
    ...{ publisher, log, timing: FAST_TIMING, backoff: { baseMs: 5, maxMs: 20 }, connectMs: 2_000 },
    onPublished: (what) => told.push(what),
    ...options,
  });
  closers.push(() => follower.stop());
  follower.start();
  return { publisher, follower, log, told };
}

const same = (a: { publisher: Publisher }, b: { publisher: Publisher }): Promise<void> =>
  vi.waitFor(() => expect(tableOf(a.publisher)).toBe(tableOf(b.publisher)), { timeout: 10_000 });

describe('following', () => {
  test('the table, then each change, then the acknowledgement back', async () => {
    const controller = await startController();
    const plane = follow(controller);
    await same(plane, controller);
    const generation = controller.publisher.publish(makeDelta({ upsertRoutes: [makeRoute('second')] }), []);
    await controller.dataPlanes.programmed(generation);
    expect(tableOf(plane.publisher)).toBe(tableOf(controller.publisher));
    const own = plane.publisher.generation;
    controller.publisher.publishEndpoints([makeEndpoints('a', 1, 2)]);
    await same(plane, controller);
    expect([plane.publisher.generation, plane.told.at(-1)]).toEqual([own, 'endpoints']);
  });

  test('nothing is served everywhere before a data plane that is there has said so', async () => {
    const controller = await startController({ forgetMs: 50 });
    expect(controller.dataPlanes.applied).toBe(0);
    const plane = follow(controller);
    await controller.dataPlanes.programmed(1);
    expect(controller.dataPlanes.applied).toBe(1);
    await plane.follower.stop();
    await vi.waitFor(() => expect(controller.dataPlanes.list()).toEqual([]));
    expect(controller.log.text).toContain('"leaving":true');
  });

  test('one that is lost without a word counts for a while', async () => {
    const controller = await startController({ forgetMs: 60_000 });
    const proxy = await startProxy(controller.port);
    const plane = follow({ port: proxy.port });
    await controller.dataPlanes.programmed(1);
    proxy.freeze();
    await vi.waitFor(() => expect(controller.dataPlanes.list()[0]?.connected).toBe(false));
    const generation = controller.publisher.publish(makeDelta({}), []);
    expect(controller.dataPlanes.applied).toBeLessThan(generation);
    proxy.thaw();
    await controller.dataPlanes.programmed(generation);
    await same(plane, controller);
  });

  test('a controller without a table of its own sends nobody an empty one', async () => {
    const log = new KeptLog();
    const server = new StreamServer({ ...PLAIN, log, authenticate: sharedToken(tokenFile) });
    const { port } = await server.listen();
    closers.push(() => server.close());
    const plane = follow({ port, host: '127.0.0.1', ca: null });
    await vi.waitFor(() => expect(plane.log.text).toContain('answered 503'));
    expect(plane.publisher.generation).toBe(0);
  });

  test('a controller that starts again is followed on, and a cut is gone on from', async () => {
    const first = await startController();
    const plane = follow(first);
    await same(plane, first);
    await first.server.close();
    first.publisher.publish(makeDelta({ upsertRoutes: [makeRoute('while-away')] }), []);
    const second = await startController({ port: first.port, publisher: first.publisher });
    await same(plane, second);
    expect(second.server.fullStates).toBe(1);
    expect(plane.log.text).not.toContain('error ');
  });
});

/** Between the two: it can stop carrying bytes without closing anything, as a cable that is pulled. */
async function startProxy(to: number): Promise<{ port: number; freeze(): void; thaw(): void; cut(): void }> {
  let frozen = false;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(to, 'localhost');
    for (const [from, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => other.destroy());
      from.on('close', () => frozen || other.destroy());
      from.on('data', (chunk) => frozen || other.write(chunk));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const cut = (): void => sockets.forEach((socket) => void socket.destroy());
  closers.push(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      cut();
      frozen = false;
    },
    cut,
  };
}

describe('a stream that fails', () => {
  test('a cut is gone on from without a full state', async () => {
    const controller = await startController();
    const proxy = await startProxy(controller.port);
    const plane = follow({ port: proxy.port });
    await same(plane, controller);
    proxy.cut();
    await vi.waitFor(() => expect(plane.log.text).toContain('"controllerAway"'));
    controller.publisher.publish(makeDelta({ upsertRoutes: [makeRoute('second')] }), []);
    await same(plane, controller);
    expect(controller.server.fullStates).toBe(1);
  });

  test('a half-open connection is noticed by both, and left', async () => {
    const controller = await startController();
    const proxy = await startProxy(controller.port);
    const plane = follow({ port: proxy.port });
    await same(plane, controller);
    proxy.freeze();
    await vi.waitFor(() => expect(plane.log.text).toContain('nothing came for'));
    await vi.waitFor(() => expect(controller.log.text).toContain('nothing came from it for'));
    expect(tableOf(plane.publisher)).toBe(tableOf(controller.publisher));
    expect(plane.follower.state.connected).toBe(false);
    proxy.thaw();
    controller.publisher.publish(makeDelta({ upsertRoutes: [makeRoute('second')] }), []);
    await same(plane, controller);
  });

  const hello = encodeLine({ type: 'hello', epoch: 'e', resumed: false });
  const full = encodeLine({ type: 'full', sequence: 1, generation: 1, parts: 2 });
  const part = encodeLine({ type: 'route', route: makeRoute('evil') });
  const garbled = Buffer.from(part.map((byte, at) => (at === 20 ? byte ^ 1 : byte)));
  for (const [what, bytes, message] of [
    ['truncated', Buffer.concat([hello, full, part]), 'broke off'],
    ['not whole', Buffer.concat([hello, full, part, encodeLine({ type: 'end', sequence: 1 })]), 'not whole'],
    ['garbled', Buffer.concat([hello, full, garbled]), 'garbled'],
    ['oversized', Buffer.concat([hello, full, Buffer.alloc(5_000, 'x')]), 'longer than the 4000 bytes'],
    [
      'too large a table',
      Buffer.concat([hello, encodeLine({ type: 'full', parts: 1e9 })]),
      'more than is taken',
    ],
    ['of an unknown type', Buffer.concat([hello, encodeLine({ type: 'surprise' })]), 'unknown type'],
    ['with a gap', Buffer.concat([hello, encodeLine({ type: 'endpoints', sequence: 9 })]), 'does not follow'],
    ['without a hello', encodeLine({ type: 'beat', sequence: 0 }), 'begins without a hello'],
    ['no object', Buffer.concat([hello, encodeLine(null)]), 'no object'],
    ['not our protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'garbled'],
  ] as const) {
    test(`${what}: said in the log, and the last good table stays`, async () => {
      const server = createHttpServer();
      server.on('upgrade', (_request, socket) => {
        socket.on('error', () => {});
        const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${STREAM_PROTOCOL}\r\n\r\n`;
        socket.end(Buffer.concat([Buffer.from(answer), bytes]));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => server.close());
      const { port } = server.address() as net.AddressInfo;
      const plane = follow({ port, host: '127.0.0.1', ca: null }, { maxLineBytes: 4_000 });
      plane.publisher.publish(makeDelta({ upsertRoutes: [makeRoute('good')] }), []);
      const before = tableOf(plane.publisher);
      await vi.waitFor(() => expect(plane.log.text).toContain(message));
      expect(tableOf(plane.publisher)).toBe(before);
    });
  }
});

describe('who may follow whom', () => {
  const refused = async (target: Partial<Target>, message: string): Promise<Controller> => {
    const controller = await startController();
    const plane = follow({ ...target, port: controller.port });
    await vi.waitFor(() => expect(plane.log.text).toContain(message));
    expect(plane.publisher.generation).toBe(0);
    expect(controller.server.connected).toBe(0);
    return controller;
  };

  test('a wrong token', async () => {
    const controller = await refused({ token: 'guessed' }, 'answered 403: the token is not the shared one');
    expect(controller.log.text).toContain('a data plane was refused');
    expect(controller.log.text).not.toContain('guessed');
  });

  test('an empty token', async () => {
    await refused({ token: '' }, 'answered 401');
  });

  test('another version of the program', async () => {
    await refused({ version: '2' }, 'answered 409: the controller is version 1, the data plane 2');
  });

  test('a certificate of another authority: the token is not sent', async () => {
    const tokens: string[] = [];
    const authenticate: StreamServerOptions['authenticate'] = async (token) => {
      tokens.push(token);
      return { ok: true, name: null };
    };
    const controller = await startController({ authenticate });
    const plane = follow({ port: controller.port, ca: stranger.ca });
    await vi.waitFor(() => expect(plane.log.text).toContain('signed by nobody who is trusted'));
    expect(tokens).toEqual([]);
  });

  test('a certificate for another name', async () => {
    const options = { resolve: async () => ['127.0.0.1'] };
    const controller = await startController({ address: '127.0.0.1' });
    const plane = follow({ port: controller.port, host: 'controller.example' }, options);
    await vi.waitFor(() => expect(plane.log.text).toContain('its certificate is for another name'));
  });

  test('plain text is for this machine only', () => {
    const log = new KeptLog();
    const options = { ...PLAIN, address: '0.0.0.0', log, authenticate: sharedToken(tokenFile) };
    expect(() => new StreamServer(options)).toThrow('no loopback address');
  });
});

describe('addresses', () => {
  test('one of several that refuses, and one that never answers, are passed over', async () => {
    const controller = await startController({ address: '127.0.0.1' });
    // Accepts and says nothing.
    const silent = net.createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(controller.port, '127.0.0.7', resolve));
    closers.push(() => silent.close());
    const asked = ['127.0.0.9', '127.0.0.7', '127.0.0.1'];
    let resolved = 0;
    const resolve = async (): Promise<string[]> => {
      resolved += 1;
      return asked;
    };
    for (let round = 0; round < 6; round += 1) {
      const plane = follow(controller, { resolve, connectMs: 300 });
      await same(plane, controller);
      await plane.follower.stop();
    }
    expect(resolved).toBe(6);
  });
});

describe('a data plane that does not read', () => {
  test('costs no more memory than the journal and its socket, and gets a full state in the end', async () => {
    const maxBytes = 200_000;
    const timing = { beatMs: 1_000, silenceMs: 60_000 };
    const controller = await startController({ maxBytes, timing });
    const proxy = await startSlowProxy(controller.port);
    const plane = follow({ port: proxy.port }, { timing });
    await same(plane, controller);
    proxy.pause();
    const body = 'x'.repeat(5_000);
    for (let change = 0; change < 5_000; change += 1) {
      controller.publisher.publish(
        makeDelta({ upsertRoutes: [makeRoute(`r${change % 200}`, `${change}${body}`)] }),
        [],
      );
      if (change % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(controller.journal.bytes).toBeLessThanOrEqual(maxBytes);
      expect(controller.server.waitingBytes).toBeLessThan(100_000);
    }
    proxy.resume();
    await same(plane, controller);
    expect(controller.server.fullStates).toBeGreaterThan(1);
    expect(controller.server.fullStates).toBeLessThan(20);
  });
});

/** Carries bytes at once, or not at all. */
async function startSlowProxy(to: number): Promise<{ port: number; pause(): void; resume(): void }> {
  const ends: net.Socket[] = [];
  const server = net.createServer((client) => {
    const upstream = net.connect(to, 'localhost');
    ends.push(upstream, client);
    for (const end of [client, upstream]) end.on('error', () => {});
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  closers.push(() => {
    for (const end of ends) end.destroy();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    pause: () => void ends[0]!.unpipe(ends[1]).pause(),
    resume: () => void ends[0]!.pipe(ends[1]!),
  };
}
