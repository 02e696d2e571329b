import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BulkBackend, download, memoryGrowth, openIdle, upload } from '../../bench/lib/bulk.ts';
import { memoryBytes } from '../../bench/lib/proc.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { startLoad } from './support/load.ts';
import { get, head, RawClient } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { sleep, until } from './support/wait.ts';

const MB = 1024 * 1024;
const GB = 1024 * MB;
/** What a stream may cost whatever its length: buffers, and garbage that was not collected yet. */
const STREAM_ALLOWANCE = 96 * MB;

let upstream: RecordingUpstream;
let bulk: BulkBackend;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  bulk = await BulkBackend.start();
});
afterAll(async () => {
  await bulk?.stop();
  await upstream?.stop();
});

function start(settings: Record<string, unknown> = {}): Promise<Gateway> {
  const rules = [forward('/', upstream.port), forward('/bulk', bulk.port)];
  return startGateway({ files: { 'route.yaml': route('all', rules) }, settings });
}

/** Honest clients on 4 connections while `work` runs: none may fail. */
async function whileServing(gateway: Gateway, work: () => Promise<unknown>): Promise<void> {
  const load = startLoad({ port: gateway.port, clients: 4 });
  try {
    await work();
  } finally {
    const { answered, failures } = await load.stop();
    expect(failures, gateway.log).toEqual([]);
    expect(answered).toBeGreaterThan(0);
  }
}

describe('bodies of any size in constant memory', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await start();
    await download(gateway.port, `/bulk/${64 * MB}`);
    await upload(gateway.port, '/bulk', 64 * MB);
  });
  afterAll(() => gateway.stop());

  it('1 GB down', async () => {
    const growth = await memoryGrowth(gateway.program.pid, async () => {
      expect(await download(gateway.port, `/bulk/${GB}`)).toBe(GB);
    });
    expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
  });

  it('1 GB up', async () => {
    const growth = await memoryGrowth(gateway.program.pid, async () => {
      expect(await upload(gateway.port, '/bulk', GB)).toBe(GB);
    });
    expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
  });

  it('a client that never reads stops its backend, and nobody else', async () => {
    const before = bulk.sentBytes;
    const idle = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.connect(gateway.port, { paused: true })),
    );
    const growth = await memoryGrowth(gateway.program.pid, async () => {
      for (const client of idle) client.write(head(`GET /bulk/${100 * MB}`));
      await until(() => bulk.sentBytes > before, 'the backend sends');
      await whileServing(gateway, () => settled(() => bulk.sentBytes));
    });
    // 20 × 100 MB were asked for. Socket buffers of the kernel (up to 6 MB each, four on the way) take their part.
    expect(bulk.sentBytes - before).toBeLessThan(20 * 40 * MB);
    expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
    for (const client of idle) client.destroy();
  });

  it('a backend that never reads stops its client, and nobody else', async () => {
    upstream.script = (_, connection) => {
      connection.socket.pause();
    };
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(gateway.port)));
    const block = 'x'.repeat(MB);
    const growth = await memoryGrowth(gateway.program.pid, async () => {
      for (const client of clients) {
        client.write(head('POST /never-read', `Content-Length: ${1000 * MB}`));
        for (let i = 0; i < 50; i++) client.write(block);
      }
      await settled(() => clients.reduce((sum, client) => sum + client.socket.bytesWritten, 0));
      expect(await download(gateway.port, `/bulk/${MB}`)).toBe(MB);
    });
    expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
    for (const client of clients) client.destroy();
    // What the clients sent is not read any further, so their leaving is not seen: the backend ends it.
    for (const connection of upstream.connections) connection.socket.destroy();
    upstream.script = answering();
  });
});

/** Waits until a number stands still for half a second. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  let since = Date.now();
  await until(
    () => {
      const now = read();
      if (now !== last) since = Date.now();
      last = now;
      return Date.now() - since > 500;
    },
    'it stands still',
    30_000,
  );
}

describe('slow clients', () => {
  it('300 connections that send a header byte now and then are refused; others are served', async () => {
    const gateway = await start({ timeouts: { head: '1s' } });
    const slow = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(gateway.port)));
    await whileServing(gateway, async () => {
      for (const client of slow) client.write('GET /slow HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ');
      while (slow.some((client) => client.ending === 'open')) {
        for (const client of slow) client.write('x');
        await sleep(100);
      }
    });
    const statuses = slow.flatMap((client) => client.responses().map((r) => r.status));
    expect(new Set(statuses)).toEqual(new Set([408]));
    expect(upstream.requests.some((r) => r.target === '/slow')).toBe(false);
    await gateway.stop();
  });

  it('300 bodies of a byte now and then do not keep others from being served', async () => {
    const gateway = await start({ timeouts: { request: '2s' } });
    const slow = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(gateway.port)));
    await whileServing(gateway, async () => {
      for (const client of slow) client.write(head('POST /slow-body', 'Content-Length: 1000000'));
      while (slow.some((client) => client.ending === 'open')) {
        for (const client of slow) client.write('x');
        await sleep(100);
      }
    });
    const cut = upstream.requests.filter((r) => r.target === '/slow-body');
    await until(() => cut.every((r) => r.connection.ended), 'the requests at the backend are cut');
    expect(cut.some((r) => r.message.complete)).toBe(false);
    await gateway.stop();
  });
});

describe('many connections', () => {
  it('10,000 idle ones cost little and keep nobody from being served', async () => {
    const gateway = await start({ timeouts: { head: '120s', idle: '120s' } });
    await get(gateway.port, '/');
    const before = memoryBytes(gateway.program.pid, 'VmRSS');
    const sockets = await openIdle(gateway.port, 10_000);
    await whileServing(gateway, () => sleep(300));
    const each = (memoryBytes(gateway.program.pid, 'VmRSS') - before) / sockets.length;
    expect(each).toBeLessThan(20_000);
    expect(sockets.filter((socket) => socket.destroyed).length).toBe(0);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await get(gateway.port, '/')).status === 200, 'it serves on');
    await gateway.stop();
  });

  it('those above the limit are closed, those below are served', async () => {
    const gateway = await start({ limits: { connections: 50 } });
    const clients: RawClient[] = [];
    for (let i = 0; i < 80; i++) clients.push(await RawClient.connect(gateway.port));
    await until(
      () => clients.filter((c) => c.ending !== 'open').length >= 30,
      'those above the limit are closed',
    );
    const alive = clients.filter((c) => c.ending === 'open');
    expect(alive.length).toBeGreaterThan(0);
    alive[0]!.write(head('GET /'));
    expect((await alive[0]!.answer()).status).toBe(200);
    for (const client of clients) client.destroy();
    await until(
      () =>
        get(gateway.port, '/').then(
          (r) => r.status === 200,
          () => false,
        ),
      'room is made again',
    );
    await gateway.stop();
  });

  it('connections that never say a word are closed', async () => {
    const gateway = await start({ timeouts: { head: '300ms', idle: '300ms' } });
    const sockets = await openIdle(gateway.port, 500);
    for (const socket of sockets) socket.resume();
    await until(
      () => sockets.every((socket) => socket.readableEnded || socket.destroyed),
      'all are closed',
      20_000,
    );
    await gateway.stop();
  });
});
