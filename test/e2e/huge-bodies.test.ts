import { createHash } from 'node:crypto';
import net from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BulkBackend, download, memoryGrowth, upload } from '../../bench/lib/bulk.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { forward, route } from './support/resources.ts';
import { until } from './support/wait.ts';

/** Bodies whose length does not fit into 32 bits, in both directions. */

const MB = 1024 * 1024;
const SIZE = 4224 * MB + 7;
/** Buffers, and garbage that was not collected yet. */
const ALLOWANCE = 128 * MB;

let bulk: BulkBackend;
let gateway: Gateway;

beforeAll(async () => {
  bulk = await BulkBackend.start();
  gateway = await startGateway({
    files: { 'route.yaml': route('all', [forward('/bulk', bulk.port)]) },
    settings: { timeouts: { request: '0s', drain: '2s' }, accessLog: { json: {} } },
  });
  await whileItMoves(download(gateway.port, `/bulk/${64 * MB}`));
  await whileItMoves(upload(gateway.port, '/bulk', 64 * MB));
}, 120_000);
afterAll(async () => {
  await gateway?.stop();
  await bulk?.stop();
});

/** How long no byte may move at the backend: far more than any machine stalls, far less than the time of a test. */
const STUCK_MS = 30_000;

/** Rejects when a body is stuck: a gateway that waits for bytes that never come would have the test wait, too. */
async function whileItMoves<T>(work: Promise<T>): Promise<T> {
  let [moved, movedAtMs] = [-1, Date.now()];
  let watch: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    watch = setInterval(() => {
      const now = bulk.sentBytes + bulk.receivedBytes;
      if (now !== moved) [moved, movedAtMs] = [now, Date.now()];
      else if (Date.now() - movedAtMs > STUCK_MS)
        reject(
          new Error(
            `no byte for ${STUCK_MS} ms; the backend sent ${bulk.sentBytes}, received ${bulk.receivedBytes}`,
          ),
        );
    }, 1000);
  });
  try {
    return await Promise.race([work, stuck]);
  } finally {
    clearInterval(watch);
  }
}

async function inFlatMemory(work: () => Promise<void>): Promise<void> {
  const { peakBytes, beforeBytes } = await memoryGrowth(gateway.program.pid, () => whileItMoves(work()));
  expect(peakBytes - beforeBytes).toBeLessThan(ALLOWANCE);
}

/** What the access log says of the bytes of the last request with this many. */
const logged = (field: 'bytesIn' | 'bytesOut', bytes: number) =>
  until(() => gateway.program.stdout.includes(`"${field}":${bytes},`), `the log says ${field} ${bytes}`);

it('down, by its length', async () => {
  await inFlatMemory(async () => expect(await download(gateway.port, `/bulk/${SIZE}`)).toBe(SIZE));
  await logged('bytesOut', SIZE);
}, 600_000);

it('up, by its length', async () => {
  await inFlatMemory(async () => expect(await upload(gateway.port, '/bulk', SIZE)).toBe(SIZE));
  await logged('bytesIn', SIZE);
  const { text } = await gateway.admin('/metrics');
  const received = /gateway_received_bytes_total\{[^}]*\} ([0-9.e+]+)/.exec(text)?.[1];
  expect(Number(received)).toBeGreaterThan(SIZE);
}, 600_000);

it('up, as one chunk', async () => {
  const bytes = SIZE + 1;
  await inFlatMemory(async () => expect(await sendChunk(bytes)).toBe(bytes));
  await logged('bytesIn', bytes);
}, 600_000);

/** POSTs one chunk of that many bytes; resolves with what the backend counted. */
function sendChunk(bytes: number): Promise<number> {
  const block = Buffer.alloc(256 * 1024, createHash('md5').update('x').digest());
  return new Promise((resolve, reject) => {
    const socket = net.connect(gateway.port, '127.0.0.1');
    let answer = '';
    socket.on('error', reject);
    socket.on('close', () =>
      reject(new Error(`the connection ended without a count: ${answer.slice(0, 500)}`)),
    );
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      const count = /\r\n\r\n(?:[0-9a-f]+\r\n)?([0-9]+)/.exec(answer)?.[1];
      if (count === undefined) return;
      socket.destroy();
      resolve(Number(count));
    });
    socket.write(
      `POST /bulk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n`,
    );
    let left = bytes;
    const send = () => {
      while (left > 0 && socket.writable) {
        const piece = left < block.length ? block.subarray(0, left) : block;
        left -= piece.length;
        if (!socket.write(piece)) return void socket.once('drain', send);
      }
      if (socket.writable) socket.write('\r\n0\r\n\r\n');
    };
    send();
  });
}
