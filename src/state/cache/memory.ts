import { getRandomValues } from 'node:crypto';
import type { CacheMemory } from '../../ir/messages.ts';
import { monotonicMs } from '../limits/clock.ts';

/**
 * The answers are parted into shards, each with a lock, a ring of bytes, and slots that say what lies where in the ring:
 *
 *   header    64 bytes: two seeds, number of shards, slots of a shard, bytes of a ring, how many invalidations there were
 *   log       Int32 an invalidation: the mark of each of the last ones
 *   locks     Int32 a shard: 0, or the thread that holds it and one
 *   slots     three Int32 and a version: hash of the key, length; one Float64: position
 *   heads     Float64 a shard: where its ring is written next; it only grows
 *   rings
 */

export const WAYS = 16;
/** Invalidations that are remembered: an answer that takes longer than so many is not kept. */
export const LOG_ENTRIES = 1024;
const HEADER_BYTES = 64;
const SHARD_BYTES = 8 * 1024 * 1024;
const MAX_SHARDS = 64;
/** A slot for so many bytes; small answers may run out of slots before they run out of ring. */
const BYTES_PER_SLOT = 1024;
/** Of the whole, for what the threads keep unpacked. */
const UNPACKED_SHARE = 0.25;

const FLIGHT_SETS = 1024;

export interface CacheMemoryOptions {
  /** For everything. */
  readonly bytes: number;
  readonly threads: number;
}

/** Made once by the control thread. The system hands out pages only when they are first written. */
export function createCacheMemory({ bytes, threads }: CacheMemoryOptions): CacheMemory {
  const ringed = bytes * (1 - UNPACKED_SHARE);
  const shards = powerOfTwo(Math.min(MAX_SHARDS, ringed / SHARD_BYTES));
  const ringBytes = Math.floor(Math.min(ringed / shards, 2 ** 31 - 8) / 8) * 8;
  const slots = Math.max(WAYS, powerOfTwo(ringBytes / BYTES_PER_SLOT));
  const layout = layoutOf(shards, slots, ringBytes);
  const answers = new SharedArrayBuffer(layout.bytes);
  new Int32Array(answers, 0, 5).set([...getRandomValues(new Int32Array(2)), shards, slots, ringBytes]);
  return {
    answers,
    flights: createFlights(),
    unpackedBytes: Math.floor((bytes * UNPACKED_SHARE) / Math.max(1, threads)),
  };
}

/** The largest power of two that is not more, at least 1. */
function powerOfTwo(most: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, most))));
}

function layoutOf(shards: number, slots: number, ringBytes: number) {
  const all = shards * slots;
  const log = HEADER_BYTES;
  const locks = log + LOG_ENTRIES * 4;
  const words = locks + Math.ceil(shards / 2) * 8;
  const positions = words + all * 16;
  const heads = positions + all * 8;
  const rings = heads + shards * 8;
  return { log, locks, words, positions, heads, rings, bytes: rings + shards * ringBytes };
}

/** The answers as a thread sees them. */
export interface AnswersView {
  readonly seed1: number;
  readonly seed2: number;
  readonly shards: number;
  readonly slots: number;
  readonly ringBytes: number;
  /** One cell: invalidations so far. */
  readonly count: Int32Array<SharedArrayBuffer>;
  readonly log: Int32Array<SharedArrayBuffer>;
  readonly locks: Int32Array<SharedArrayBuffer>;
  /** Four a slot: hash, hash, length, version. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly positions: Float64Array<SharedArrayBuffer>;
  readonly heads: Float64Array<SharedArrayBuffer>;
  readonly rings: Buffer<SharedArrayBuffer>;
}

export function openAnswers(memory: SharedArrayBuffer): AnswersView {
  const [seed1, seed2, shards, slots, ringBytes] = new Int32Array(memory, 0, 5);
  const layout = layoutOf(shards!, slots!, ringBytes!);
  const all = shards! * slots!;
  return {
    seed1: seed1!,
    seed2: seed2!,
    shards: shards!,
    slots: slots!,
    ringBytes: ringBytes!,
    count: new Int32Array(memory, 20, 1),
    log: new Int32Array(memory, layout.log, LOG_ENTRIES),
    locks: new Int32Array(memory, layout.locks, shards!),
    words: new Int32Array(memory, layout.words, all * 4),
    positions: new Float64Array(memory, layout.positions, all),
    heads: new Float64Array(memory, layout.heads, shards!),
    rings: Buffer.from(memory, layout.rings, shards! * ringBytes!),
  };
}

/**
 * Which keys are being asked for. A set has a lock and some places; a key's place lies in one set.
 *
 *   header   64 bytes: start of the clock (monotonic, Unix), two seeds
 *   locks    Int32 a set
 *   places   four Int32: hash of the key, state, turn; one Float64: until when the state holds
 */
const FLIGHT_PLACES = FLIGHT_SETS * WAYS;
const FLIGHT_WORDS = HEADER_BYTES + FLIGHT_SETS * 4;
const FLIGHT_UNTIL = FLIGHT_WORDS + FLIGHT_PLACES * 16;

function createFlights(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(FLIGHT_UNTIL + FLIGHT_PLACES * 8);
  new Float64Array(memory, 0, 2).set([monotonicMs(), Date.now()]);
  new Int32Array(memory, 16, 2).set(getRandomValues(new Int32Array(2)));
  return memory;
}

export interface FlightsView {
  readonly sets: number;
  readonly startedAtMs: number;
  readonly epochMs: number;
  readonly seed1: number;
  readonly seed2: number;
  readonly locks: Int32Array<SharedArrayBuffer>;
  /** Four a place: hash, hash, state, turn. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly until: Float64Array<SharedArrayBuffer>;
}

export function openFlights(memory: SharedArrayBuffer): FlightsView {
  const [startedAtMs, epochMs] = new Float64Array(memory, 0, 2);
  const [seed1, seed2] = new Int32Array(memory, 16, 2);
  return {
    sets: FLIGHT_SETS,
    startedAtMs: startedAtMs!,
    epochMs: epochMs!,
    seed1: seed1!,
    seed2: seed2!,
    locks: new Int32Array(memory, HEADER_BYTES, FLIGHT_SETS),
    words: new Int32Array(memory, FLIGHT_WORDS, FLIGHT_PLACES * 4),
    until: new Float64Array(memory, FLIGHT_UNTIL, FLIGHT_PLACES),
  };
}
