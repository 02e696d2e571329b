import type { LimitMemory } from '../../ir/messages.ts';
import { hashKey, type KeyHash } from './key-hash.ts';
import { breakLocks, lock, unlock } from './lock.ts';
import { openRegion, type RegionView, WAYS } from './memory.ts';

/** There is no place to count it: admitted, nothing to give back. */
export const UNCOUNTED = -1;
/** As many requests as may be are under way. */
export const REFUSED = -2;

/**
 * How many requests of a key are under way, over all threads. Each thread counts in a cell of its own, so that what a dead
 * one held can be taken back: its cells are set to zero.
 */
export class SharedPermits {
  readonly #region: RegionView;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #threads: number;
  readonly #threadId: number;
  readonly #hash: KeyHash = { low: 0, high: 0 };

  constructor({ permits, threads }: LimitMemory, threadId: number) {
    this.#region = openRegion(permits);
    this.#threads = threads;
    this.#threadId = threadId;
    this.#cells = cellsOf(permits, this.#region, threads);
  }

  /**
   * A permit, to be given back with {@link release}; or {@link REFUSED}, or {@link UNCOUNTED}.
   * @param id tells this limit from all others
   */
  acquire(id: string, key: string, max: number): number {
    const { seed1, seed2, sets, locks } = this.#region;
    hashKey(id, key, seed1, seed2, this.#hash);
    const set = this.#hash.low & (sets - 1);
    if (!lock(locks, set, this.#threadId + 1)) return UNCOUNTED;
    const slot = this.#findOrClaim(set);
    const full = slot !== UNCOUNTED && this.#held(slot) >= max;
    if (slot !== UNCOUNTED && !full) Atomics.add(this.#cells, slot * this.#threads + this.#threadId, 1);
    unlock(locks, set);
    return full ? REFUSED : slot;
  }

  /** Needs no lock: nobody else writes this cell while the thread lives, and a slot that is held is not given away. */
  release(permit: number): void {
    if (permit >= 0) Atomics.sub(this.#cells, permit * this.#threads + this.#threadId, 1);
  }

  #held(slot: number): number {
    let sum = 0;
    for (let i = 0; i < this.#threads; i++) sum += Atomics.load(this.#cells, slot * this.#threads + i);
    return sum;
  }

  #findOrClaim(set: number): number {
    const { tags } = this.#region;
    const { low, high } = this.#hash;
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++)
      if (tags[2 * slot + 1] === high && tags[2 * slot] === low) return slot;
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
      if (tags[2 * slot + 1] !== 0 && this.#held(slot) > 0) continue;
      tags[2 * slot + 1] = 0;
      tags[2 * slot] = low;
      tags[2 * slot + 1] = high;
      return slot;
    }
    return UNCOUNTED;
  }
}

function cellsOf(
  permits: SharedArrayBuffer,
  region: RegionView,
  threads: number,
): Int32Array<SharedArrayBuffer> {
  return new Int32Array(permits, region.cellOffset, region.sets * WAYS * threads);
}

const opened = new WeakMap<SharedArrayBuffer, SharedPermits>();

/** The thread's view of the permits; one for all policies. */
export function sharedPermits(memory: LimitMemory, threadId: number): SharedPermits {
  let view = opened.get(memory.permits);
  if (view === undefined) {
    view = new SharedPermits(memory, threadId);
    opened.set(memory.permits, view);
  }
  return view;
}

/** A thread died: its permits and locks are free. To be called before another takes its id. */
export function forgetThread(memory: LimitMemory, threadId: number): void {
  const { permits, threads } = memory;
  const region = openRegion(permits);
  const cells = cellsOf(permits, region, threads);
  for (let at = threadId; at < cells.length; at += threads) Atomics.store(cells, at, 0);
  breakLocks(region.locks, threadId + 1);
  breakLocks(openRegion(memory.buckets).locks, threadId + 1);
  breakLocks(openRegion(memory.nonces).locks, threadId + 1);
}
