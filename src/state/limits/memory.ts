import { getRandomValues } from 'node:crypto';
import type { LimitMemory } from '../../ir/messages.ts';
import { monotonicMs } from './clock.ts';

/**
 * All regions are sets of slots, found by hash. A set has a lock and a few slots; a key lies in one set only.
 *
 *   header   64 bytes: start of the clock (monotonic, Unix), two seeds
 *   locks    Int32 a set: 0, or the thread that holds it and one
 *   tags     two Int32 a slot: hash of the key; 0, 0: free
 *   cells    buckets: three Float64 a slot; permits: one Int32 a slot and thread; nonces: one Float64 a slot and a set
 */

export const HEADER_BYTES = 64;
/** At half of the slots in use, one set in 300 is full. */
export const WAYS = 16;
export const TAG_BYTES = 8;
export const BUCKET_CELLS = 3;
const BUCKET_SLOT_BYTES = TAG_BYTES + BUCKET_CELLS * 8;
const NONCE_SLOT_BYTES = TAG_BYTES + 8;
/** 262,144 nonces. With more than that in their time the oldest go first; see `nonces.ts`. */
const DEFAULT_NONCE_BYTES = 4 * 1024 * 1024;

export interface LimitMemoryOptions {
  readonly threads: number;
  /** Bytes for buckets; a bucket takes 32. */
  readonly bucketBytes: number;
  /** Keys whose requests can be under way at once. */
  readonly permitKeys: number;
  /** Bytes for nonces that were used; one takes 16. */
  readonly nonceBytes?: number;
}

/** Made once by the control thread. The system hands out pages only when they are first written. */
export function createLimitMemory({
  threads,
  bucketBytes,
  permitKeys,
  nonceBytes = DEFAULT_NONCE_BYTES,
}: LimitMemoryOptions): LimitMemory {
  const nonceSets = setsFor(nonceBytes / NONCE_SLOT_BYTES);
  const bucketSets = setsFor(bucketBytes / BUCKET_SLOT_BYTES);
  const permitSets = setsFor(permitKeys);
  return {
    buckets: region(bucketSets, bucketSets * WAYS * BUCKET_CELLS * 8),
    permits: region(permitSets, permitSets * WAYS * threads * 4),
    nonces: region(nonceSets, nonceSets * (WAYS + 1) * 8),
    replicas: new SharedArrayBuffer(4),
    threads,
  };
}

/** Every thread reads it with the next request. */
export function setReplicas({ replicas }: LimitMemory, count: number): void {
  Atomics.store(new Int32Array(replicas), 0, count);
}

/** The largest power of two of sets that stays below, at least one. */
function setsFor(slots: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(slots / WAYS)));
}

function region(sets: number, cellBytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(cellOffset(sets) + cellBytes);
  new Float64Array(memory, 0, 2).set([monotonicMs(), Date.now()]);
  new Int32Array(memory, 16, 3).set([...getRandomValues(new Int32Array(2)), sets]);
  return memory;
}

/** Start of the cells, on a multiple of 8. */
function cellOffset(sets: number): number {
  return tagOffset(sets) + sets * WAYS * TAG_BYTES;
}

function tagOffset(sets: number): number {
  return HEADER_BYTES + Math.ceil((sets * 4) / 8) * 8;
}

/** A region as a thread sees it. */
export interface RegionView {
  readonly sets: number;
  readonly startedAtMs: number;
  readonly epochMs: number;
  readonly seed1: number;
  readonly seed2: number;
  readonly locks: Int32Array<SharedArrayBuffer>;
  readonly tags: Int32Array<SharedArrayBuffer>;
  readonly cellOffset: number;
}

export function openRegion(memory: SharedArrayBuffer): RegionView {
  const [startedAtMs, epochMs] = new Float64Array(memory, 0, 2);
  const [seed1, seed2, sets] = new Int32Array(memory, 16, 3);
  return {
    sets: sets!,
    startedAtMs: startedAtMs!,
    epochMs: epochMs!,
    seed1: seed1!,
    seed2: seed2!,
    locks: new Int32Array(memory, HEADER_BYTES, sets!),
    tags: new Int32Array(memory, tagOffset(sets!), sets! * WAYS * 2),
    cellOffset: cellOffset(sets!),
  };
}
