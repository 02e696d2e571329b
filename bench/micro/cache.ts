/**
 * CPU that one thread spends on looking up kept answers: `node bench/micro/cache.ts [rounds]`. The thread's own time is read,
 * so other programs on the machine matter little. To reach: a hit costs less than 2 µs, a miss no more.
 */
import { packAnswer, type StoredAnswer } from '../../src/state/cache/answer.ts';
import { Flights } from '../../src/state/cache/flights.ts';
import { createCacheMemory } from '../../src/state/cache/memory.ts';
import { MemoryAnswers } from '../../src/state/cache/memory-store.ts';
import { joinKey, type Wanted } from '../../src/state/cache/store.ts';

const ROUNDS = Number(process.argv[2] ?? 9);
const REQUESTS = 100_000;
const URLS = 1024;
const BODY_BYTES = 4096;

const PATHS = Array.from({ length: URLS }, (_, i) => `/catalogue/products/${i}/details`);

/** As the policy makes it of a request. */
function wantedOf(i: number): Wanted {
  const url = joinKey(
    'GatewayRoute/shop/catalogue',
    'http',
    'shop.example.com',
    PATHS[i & (URLS - 1)]!,
    'lang=en',
  );
  return { url, within: joinKey('0123456789abcdef', '0', '', ''), select: () => '' };
}

const ANSWER: StoredAnswer = {
  head: {
    status: 200,
    headers: Array.from({ length: 8 }, (_, i) => [`x-header-${i}`, 'some value of a header']),
    receivedAtMs: Date.now(),
    initialAgeMs: 0,
    lifetimeMs: 3_600_000,
    dateMs: Date.now(),
    etag: '"0123456789"',
    lastModified: null,
    staleness: { validateAlways: false, forbidden: false, whileRevalidateMs: 0, ifErrorMs: 0 },
    marks: ['route GatewayRoute/shop/catalogue', 'address shop.example.com/catalogue'],
  },
  body: Buffer.alloc(BODY_BYTES),
};
const HOW = { vary: [], maxVariants: 32, since: 0, usefulMs: 3_600_000 };

function measure(name: string, requests: number, run: () => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    if (round > 0) rounds.push(((user + system) * 1000) / requests);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[rounds.length >> 1]!;
  console.log(`${name.padEnd(44)} ${median.toFixed(0).padStart(8)} ns   fastest ${rounds[0]!.toFixed(0)} ns`);
}

const memory = createCacheMemory({ bytes: 256 * 1024 * 1024, threads: 2 });
const warm = new MemoryAnswers(memory, 0);
const cold = new MemoryAnswers({ ...memory, unpackedBytes: 0 }, 1);
const flights = new Flights(memory.flights, 0);

measure('miss: nothing is known of the URL', REQUESTS, () => {
  for (let i = 0; i < REQUESTS; i += 1) warm.find(wantedOf(i));
});
measure('board and land a flight', REQUESTS, () => {
  for (let i = 0; i < REQUESTS; i += 1) {
    const boarding = flights.board(PATHS[i & (URLS - 1)]!, 5_000);
    if (boarding.kind === 'lead') flights.land(boarding.flight, 'stored');
  }
});
measure(`keep ${BODY_BYTES} bytes`, 10_000, () => {
  for (let i = 0; i < 10_000; i += 1) warm.keep(wantedOf(i), ANSWER, HOW);
});
measure('hit: the thread has it unpacked', REQUESTS, () => {
  for (let i = 0; i < REQUESTS; i += 1) warm.find(wantedOf(i));
});
measure('hit: only the shared memory has it', REQUESTS, () => {
  for (let i = 0; i < REQUESTS; i += 1) cold.find(wantedOf(i));
});
measure('purge a tag that nothing has', 1, () => {
  warm.purge('tag nothing');
});
console.log(`an answer takes ${packAnswer(ANSWER).length} bytes of the memory`);
