/**
 * Nanoseconds of CPU that the data plane spends on watching one request: `node bench/micro/observe.ts [rounds]`.
 * The thread's own time is read, so other programs on the machine matter little. The median of the rounds is
 * printed, and the fastest. To reach: below 100 ns a count, below 1.2 µs an access-log line.
 */
import { AccessBatcher } from '../../src/observe/access-batcher.ts';
import { emptyAccessRecord } from '../../src/observe/access-record.ts';
import { createThreadMetrics } from '../../src/observe/data-plane-metrics.ts';

const ITERATIONS = 500_000;
const ROUNDS = Number(process.argv[2] ?? 15);
const COMBINED =
  '{clientAddress} - - [{commonTime}] "{method} {path} {protocol}" {status} {bytesOut} "{referer}" "{userAgent}"';

const metrics = createThreadMetrics({ announce() {} });
const routes = Array.from({ length: 128 }, (_, i) =>
  metrics.route(`/api/v1/things-${i}/{id}`, `things-${i}.shop`),
);
const upstream = metrics.upstream('users.shop');
const nothing = { add() {} };

const record = Object.assign(emptyAccessRecord(), {
  timeMs: Date.UTC(2026, 10, 24),
  requestId: '0192f3c4-7d2a-7e61-9a53-3c1f8b6f1e2d',
  clientAddress: '203.0.113.7',
  method: 'GET',
  host: 'api.example.com',
  protocol: 'HTTP/1.1',
  status: 200,
  bytesOut: 212,
  route: 'GatewayRoute/shop/users',
  rule: 'read',
  service: 'users.shop',
  endpoint: '10.0.12.34:8080',
  tries: 1,
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  connectionReused: true,
});

measure('count, one status', (i) => routes[i & 127]!.count(0, 200, 3.2));
measure('count, mixed methods and statuses', (i) =>
  routes[i & 127]!.count(i & 3, (i & 4) === 0 ? 200 : 404, i % 900),
);
measure('upstream status', () => upstream.status(200));
measureLog('line, json', { kind: 'json' });
measureLog('line, combined template', { kind: 'template', template: COMBINED });
metrics.close();

function measureLog(name: string, format: ConstructorParameters<typeof AccessBatcher>[0]['format']): void {
  const batcher = new AccessBatcher({
    format,
    // Written at once: the buffer comes back as it would from a fast disk.
    send: (message) => {
      if (message.type === 'accessLog') batcher.receive({ type: 'accessLogCredit', buffer: message.buffer });
    },
    lines: nothing,
    dropped: nothing,
  });
  measure(name, (i) => {
    record.timeMs += 0.03;
    record.durationMs = 1 + (i % 1_000) / 777;
    record.upstreamMs = record.durationMs - 0.2;
    record.path = `/api/v1/users/${i % 5_000}`;
    batcher.write(record);
  });
  batcher.close();
}

function measure(name: string, once: (i: number) => void): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    for (let i = 0; i < ITERATIONS; i += 1) once(i);
    const { user, system } = process.threadCpuUsage(before);
    rounds.push(((user + system) * 1_000) / ITERATIONS);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[rounds.length >> 1]!;
  console.log(`${name.padEnd(36)} ${median.toFixed(1).padStart(8)} ns   fastest ${rounds[0]!.toFixed(1)} ns`);
}
