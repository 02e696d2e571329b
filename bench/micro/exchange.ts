/**
 * Nanoseconds of the thread's CPU for a keep-alive GET on its way through the data plane, without a kernel: `node bench/micro/exchange.ts
 * [rounds]`. Sockets and handles are stand-ins that take what is written and say what they are told; all between them is
 * the gateway's own code. The heads of one case repeat, those of the other never do.
 */
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { spread } from '../lib/stats.ts';

const ROUNDS = Number(process.argv[2] ?? 15);
const CONNECTIONS = 32;
const TURNS = 2000;

const sink = Buffer.allocUnsafeSlow(65_536);

/** Copies what it is given, as the real one does on its way into the kernel. */
class TCP {
  readonly writeQueueSize = 0;

  writeLatin1String(_request: null, text: string): number {
    sink.write(text, 0, 'latin1');
    return 0;
  }
}

interface StandInOptions {
  readonly handle?: TCP;
  readonly onread?: { readonly buffer: Buffer; callback(length: number, buf: Uint8Array): boolean };
}

class StandInSocket extends EventEmitter {
  _handle: TCP | null;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 40_000;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly destroyed = false;
  readonly #options: StandInOptions;

  constructor(options: StandInOptions = {}) {
    super();
    this._handle = options.handle ?? new TCP();
    this.#options = options;
  }

  /** As if these bytes had come. */
  say(bytes: Buffer): void {
    const { buffer, callback } = this.#options.onread!;
    bytes.copy(buffer, 0);
    callback(bytes.length, buffer);
  }

  setNoDelay(): this {
    return this;
  }

  pause(): void {}
  resume(): void {}
  destroy(): void {}
}

const sockets: StandInSocket[] = [];

class RecordedSocket extends StandInSocket {
  constructor(options: StandInOptions) {
    super(options);
    sockets.push(this);
  }
}

let accept: (socket: StandInSocket) => void = () => undefined;
const server = Object.assign(new EventEmitter(), {
  listen(_options: object, done: () => void): void {
    setImmediate(done);
  },
  address: () => ({ port: 80 }),
  close(): void {},
});
Object.assign(net, {
  Socket: RecordedSocket,
  connect(options: StandInOptions) {
    const socket = new RecordedSocket(options);
    setImmediate(() => socket.emit('connect'));
    return socket;
  },
  createServer(_options: object, onConnection: typeof accept) {
    accept = onConnection;
    return server;
  },
});
syncBuiltinESMExports();

// Only now: it takes what `node:net` has.
const { forward, TestDataPlane } = await import('../../test/proxy/data-plane.ts');
await TestDataPlane.start(forward(), [80]);

const request = (i: number) =>
  Buffer.from(
    `GET /api/v1/users/${i} HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nX-Trace: ${i}\r\n\r\n`,
  );
const answer = (i: number) =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Thu, 26 Nov 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n` +
      `ETag: "${i}"\r\nContent-Length: 200\r\nConnection: keep-alive\r\n\r\n${'x'.repeat(200)}`,
  );

for (let i = 0; i < CONNECTIONS; i++) accept(new StandInSocket());
const clients = sockets.splice(0);
for (const client of clients) client.say(request(0));
while (sockets.length < CONNECTIONS) await new Promise((resolve) => setImmediate(resolve));
await new Promise((resolve) => setImmediate(resolve));
const backends = sockets.splice(0);
for (const backend of backends) backend.say(answer(0));

/** As in a turn of the event loop: requests of all, then the answers to them. */
function turn(requests: readonly Buffer[], answers: readonly Buffer[], from: number): void {
  for (let i = 0; i < CONNECTIONS; i++) clients[i]!.say(requests[(from + i) % requests.length]!);
  for (let i = 0; i < CONNECTIONS; i++) backends[i]!.say(answers[(from + i) % answers.length]!);
}

function timeNs(requests: readonly Buffer[], answers: readonly Buffer[]): number {
  const before = process.threadCpuUsage();
  for (let i = 0; i < TURNS; i++) turn(requests, answers, i * CONNECTIONS);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / (TURNS * CONNECTIONS);
}

const numbers = Array.from({ length: 10_007 }, (_, i) => 100_000 + i);
const CASES = [
  { title: 'heads that repeat', requests: [request(1)], answers: [answer(1)] },
  { title: 'heads that never do', requests: numbers.map(request), answers: numbers.map(answer) },
];
const costs = CASES.map((): number[] => []);
for (let round = -3; round < ROUNDS; round++) {
  CASES.forEach(({ requests, answers }, i) => {
    const cost = timeNs(requests, answers);
    if (round >= 0) costs[i]!.push(cost);
  });
}
const lines = CASES.map(({ title }, i) => {
  const { median, min, max } = spread(costs[i]!);
  return `| ${title} | ${[median, min, max].map((ns) => ns.toFixed(0)).join(' | ')} |\n`;
});
process.stdout.write(
  `| a GET without a kernel | ns | lowest | highest |\n|---|---:|---:|---:|\n${lines.join('')}`,
  () => process.exit(0),
);
