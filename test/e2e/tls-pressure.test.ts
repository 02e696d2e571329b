import { afterAll, beforeAll, expect, it } from 'vitest';
import { BulkBackend, download, memoryGrowth, upload } from '../../bench/lib/bulk.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get, head, RawClient } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { speakTls } from './support/transport.ts';
import { sleep, until } from './support/wait.ts';

speakTls();

const MB = 1024 * 1024;
/** What a stream may cost whatever its length: buffers, and garbage that was not collected yet. */
const STREAM_ALLOWANCE = 96 * MB;
/** Above what OpenSSL keeps for a connection, below what would be a leak of buffers. */
const IDLE_ALLOWANCE = 160 * 1024;
const IDLE_CONNECTIONS = 500;
let bulk: BulkBackend;
let gateway: Gateway;

beforeAll(async () => {
  bulk = await BulkBackend.start();
  gateway = await start();
  await download(gateway.port, `/bulk/${64 * MB}`, 'https');
  await upload(gateway.port, '/bulk', 64 * MB, 'https');
});
afterAll(async () => {
  await gateway?.stop();
  await bulk?.stop();
});

const start = (): Promise<Gateway> =>
  startGateway({ files: { 'route.yaml': route('all', [forward('/', bulk.port)]) } });

it('512 MB down, and 512 MB up, in constant memory', async () => {
  const growth = await memoryGrowth(gateway.program.pid, async () => {
    expect(await download(gateway.port, `/bulk/${512 * MB}`, 'https')).toBe(512 * MB);
    expect(await upload(gateway.port, '/bulk', 512 * MB, 'https')).toBe(512 * MB);
  });
  expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
});

it('clients that never read stop their backend, and nobody else', async () => {
  const before = bulk.sentBytes;
  const idle = await Promise.all(
    Array.from({ length: 10 }, () => RawClient.connect(gateway.port, { paused: true })),
  );
  const growth = await memoryGrowth(gateway.program.pid, async () => {
    for (const client of idle) client.write(head(`GET /bulk/${100 * MB}`));
    await until(() => bulk.sentBytes > before, 'the backend sends');
    let last = -1;
    await until(async () => {
      const same = bulk.sentBytes === last;
      last = bulk.sentBytes;
      await sleep(500);
      return same;
    }, 'it stands still');
    expect((await get(gateway.port, '/bulk/5')).body).toBe('xxxxx');
  });
  expect(bulk.sentBytes - before).toBeLessThan(10 * 40 * MB);
  expect(growth.peakBytes - growth.beforeBytes).toBeLessThan(STREAM_ALLOWANCE);
  for (const client of idle) client.destroy();
});

it('idle connections cost what OpenSSL keeps for them, and give it back', async () => {
  // One of its own: memory that streams have given back would hide what these take.
  const fresh = await start();
  expect((await get(fresh.port, '/bulk/5')).status).toBe(200);
  let idle: RawClient[] = [];
  const growth = await memoryGrowth(fresh.program.pid, async () => {
    for (let i = 0; i < IDLE_CONNECTIONS / 50; i++) {
      const some = Array.from({ length: 50 }, () => RawClient.connect(fresh.port));
      idle = [...idle, ...(await Promise.all(some))];
    }
  });
  const each = (growth.peakBytes - growth.beforeBytes) / IDLE_CONNECTIONS;
  console.info(`${Math.round(each / 1024)} KiB for an idle TLS connection`);
  expect(each).toBeLessThan(IDLE_ALLOWANCE);
  for (const client of idle) client.destroy();
  const open = async () => (await fresh.admin('/metrics')).text;
  await until(
    async () => /gateway_connections_open\{listener="http"\} 0\n/.test(await open()),
    'all are gone',
  );
  await fresh.stop();
});
