/**
 * CPU that one thread spends on counting a request: `node bench/micro/limits.ts [rounds]`. The thread's own time is read, so
 * other programs on the machine matter little; what the Redis server spends is not in it. Needs `redis-server`.
 * To reach: 60 µs for a request that is counted in Redis, its round trip through the kernel included.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedBuckets } from '../../src/state/limits/buckets.ts';
import { createLimitMemory } from '../../src/state/limits/memory.ts';
import { bucketMeter, windowMeter } from '../../src/state/limits/meter.ts';
import { RedisLimits } from '../../src/state/limits/redis-limits.ts';
import type { Demand } from '../../src/state/limits/store.ts';
import { RedisClient } from '../../src/state/redis/client.ts';

const ROUNDS = Number(process.argv[2] ?? 9);
const bucket = bucketMeter('bench', 1_000_000_000, 1_000_000);
const window = windowMeter('bench', 'day', 1_000_000_000);
const KEYS = Array.from({ length: 1024 }, (_, i) => `203.0.113.${i}`);
const demandsOf = (i: number): readonly Demand[] => [
  { meter: bucket, key: KEYS[i & 1023]!, cost: 1, shadow: false, peek: false },
];
const twoDemands = (i: number): readonly Demand[] => [
  ...demandsOf(i),
  { meter: window, key: KEYS[i & 1023]!, cost: 1, shadow: false, peek: false },
];

async function measure(name: string, requests: number, run: () => Promise<void> | void): Promise<void> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    await run();
    const { user, system } = process.threadCpuUsage(before);
    if (round > 0) rounds.push((user + system) / requests);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[rounds.length >> 1]!;
  console.log(`${name.padEnd(44)} ${median.toFixed(2).padStart(8)} µs   fastest ${rounds[0]!.toFixed(2)} µs`);
}

const memory = createLimitMemory({ threads: 1, bucketBytes: 1 << 20, permitKeys: 16 });
const local = new SharedBuckets(memory.buckets, 0);
for (const [name, demands] of [
  ['local, one bucket', demandsOf],
  ['local, a bucket and a window', twoDemands],
] as const) {
  await measure(name, 200_000, () => {
    for (let i = 0; i < 200_000; i += 1) local.take(demands(i));
  });
}

const port = await freePort();
const server = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
  stdio: 'ignore',
});
const client = new RedisClient(
  {
    name: 'bench',
    topology: { kind: 'single', address: { host: '127.0.0.1', port } },
    username: null,
    password: null,
    tls: false,
    database: 0,
    timeoutMs: 5_000,
  },
  () => {},
);
try {
  await ready(client);
  const limits = new RedisLimits(client, 'bench');
  for (const [name, demands] of [
    ['Redis, one bucket', demandsOf],
    ['Redis, a bucket and a window', twoDemands],
  ] as const) {
    for (const atOnce of [1, 8, 64]) {
      await measure(`${name}, ${atOnce} at once`, 4_096, async () => {
        const lane = async (first: number) => {
          for (let i = first; i < 4_096; i += atOnce) {
            await limits.take(demands(i));
            // Requests come from sockets of their own, not in a chain of promises.
            await new Promise(setImmediate);
          }
        };
        await Promise.all(Array.from({ length: atOnce }, (_, first) => lane(first)));
      });
    }
  }
} finally {
  client.close();
  server.kill();
}

async function ready(redis: RedisClient): Promise<void> {
  for (;;) {
    if ((await redis.ask((connection) => connection.ping()).catch(() => null)) === 'PONG') return;
    await sleep(50);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return free;
}
