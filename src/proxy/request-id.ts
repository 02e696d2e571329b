import { randomFillSync } from 'node:crypto';

const COUNTER_LIMIT = 0x1000;

const COUNTERS: readonly string[] = Array.from({ length: COUNTER_LIMIT }, (_, count) =>
  count.toString(16).padStart(3, '0'),
);

/** Random bytes are asked for many at a time: a call costs more than the bytes. */
const pool = Buffer.alloc(4096);
const TAIL_BYTES = 8;
let poolAt = pool.length;

let lastMs = -1;
let counter = 0;
let head = '';
let tail = '';

/**
 * A UUID of version 7 (RFC 9562 section 5.7): sorts by time, and is made of parts that change once a millisecond
 * and a counter (section 6.2, method 1), so that making one costs no call into the random generator.
 */
export function newRequestId(nowMs: number): string {
  if (nowMs !== lastMs || counter === COUNTER_LIMIT) begin(nowMs);
  return `${head}${COUNTERS[counter++]!}${tail}`;
}

function begin(nowMs: number): void {
  lastMs = nowMs;
  counter = 0;
  const time = nowMs.toString(16).padStart(12, '0');
  head = `${time.slice(0, 8)}-${time.slice(8)}-7`;
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  pool[poolAt] = (pool[poolAt]! & 0x3f) | 0x80;
  const hex = pool.toString('hex', poolAt, poolAt + TAIL_BYTES);
  poolAt += TAIL_BYTES;
  tail = `-${hex.slice(0, 4)}-${hex.slice(4)}`;
}
