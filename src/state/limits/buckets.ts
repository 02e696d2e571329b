import type { LimitMemory } from '../../ir/messages.ts';
import { SharedClock } from './clock.ts';
import { hashInto, type KeyHash } from './key-hash.ts';
import { lock, unlock } from './lock.ts';
import { BUCKET_CELLS, openRegion, type RegionView, WAYS } from './memory.ts';
import { debit, giveBack, type Meter, type MeterState, type Reading, take } from './meter.ts';
import type { Charge, Demand, LimitStore, Outcome, Verdict } from './store.ts';

/** A key that finds no place is admitted and not counted. */
const UNCOUNTED: Outcome = { allowed: true, remaining: 0, waitMs: 0, resetMs: 0 };
const NO_PLACE = -1;

/**
 * Buckets that all threads share: a limit of N over all of them admits N. Keys are told apart by 64 bits of a hash.
 * A set that is full gives up a bucket that is like a fresh one; if there is none, the one that will be so first;
 * never one that refuses.
 */
export class SharedBuckets implements LimitStore {
  readonly #region: RegionView;
  readonly #cells: Float64Array<SharedArrayBuffer>;
  readonly #clock: SharedClock;
  readonly #owner: number;
  readonly #hash: KeyHash = { low: 0, high: 0 };
  /** The hash of each meter's id, from which those of its keys go on. */
  readonly #starts = new WeakMap<Meter, KeyHash>();
  readonly #state: MeterState = { value: 0, idleAtMs: 0, deniesUntilMs: 0 };
  readonly #reading: Reading = { allowed: false, remaining: 0, waitMs: 0, resetMs: 0 };

  constructor(memory: SharedArrayBuffer, threadId: number) {
    const region = openRegion(memory);
    this.#region = region;
    this.#cells = new Float64Array(memory, region.cellOffset, region.sets * WAYS * BUCKET_CELLS);
    this.#clock = new SharedClock(region.startedAtMs, region.epochMs);
    this.#owner = threadId + 1;
  }

  take(demands: readonly Demand[]): Verdict {
    let admitted = true;
    const outcomes: Outcome[] = [];
    for (const { meter, key, cost, shadow, peek } of demands) {
      const outcome = this.#take(meter, key, cost, !admitted || peek);
      outcomes.push(outcome);
      // What was taken before is given back at once: a request that is refused costs nothing.
      if (admitted && !outcome.allowed && !shadow) {
        admitted = false;
        for (let i = 0; i < outcomes.length - 1; i++) outcomes[i] = this.#undo(demands[i]!, outcomes[i]!);
      }
    }
    return { admitted, outcomes };
  }

  debit(charges: readonly Charge[]): void {
    const { locks } = this.#region;
    for (const { meter, key, cost } of charges) {
      const set = this.#setOf(meter, key);
      if (!lock(locks, set, this.#owner)) continue;
      const nowMs = this.#clock.nowMs();
      const slot = this.#find(set);
      debit(meter, this.#load(slot), cost, nowMs, this.#clock.epochMs);
      this.#store(slot === NO_PLACE ? this.#claim(set, nowMs) : slot);
      unlock(locks, set);
    }
  }

  #take(meter: Meter, key: string, cost: number, dry: boolean): Outcome {
    const { locks } = this.#region;
    const set = this.#setOf(meter, key);
    if (!lock(locks, set, this.#owner)) return UNCOUNTED;
    const nowMs = this.#clock.nowMs();
    const slot = this.#find(set);
    const state = this.#load(slot);
    const reading = this.#reading;
    take(meter, state, cost, nowMs, this.#clock.epochMs, dry, reading);
    const counted =
      dry || !reading.allowed || this.#store(slot === NO_PLACE ? this.#claim(set, nowMs) : slot);
    unlock(locks, set);
    if (!counted) return UNCOUNTED;
    const { allowed, remaining, waitMs, resetMs } = reading;
    return { allowed, remaining, waitMs, resetMs };
  }

  #undo({ meter, key, cost, peek }: Demand, outcome: Outcome): Outcome {
    const { locks } = this.#region;
    if (!outcome.allowed || peek) return outcome;
    const set = this.#setOf(meter, key);
    if (!lock(locks, set, this.#owner)) return outcome;
    const slot = this.#find(set);
    if (slot !== NO_PLACE) {
      giveBack(meter, this.#load(slot), cost, this.#clock.nowMs());
      this.#store(slot);
    }
    unlock(locks, set);
    return { ...outcome, remaining: outcome.remaining + cost };
  }

  /** Also leaves the key's hash in `#hash`. */
  #setOf(meter: Meter, key: string): number {
    let start = this.#starts.get(meter);
    if (start === undefined) {
      const { seed1, seed2 } = this.#region;
      start = { low: 0, high: 0 };
      hashInto(meter.id, seed1, seed2, start);
      this.#starts.set(meter, start);
    }
    hashInto(key, start.low, start.high, this.#hash);
    return this.#hash.low & (this.#region.sets - 1);
  }

  #find(set: number): number {
    const { tags } = this.#region;
    const { low, high } = this.#hash;
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++)
      if (tags[2 * slot + 1] === high && tags[2 * slot] === low) return slot;
    return NO_PLACE;
  }

  #load(slot: number): MeterState {
    const state = this.#state;
    const at = slot * BUCKET_CELLS;
    state.value = slot === NO_PLACE ? 0 : this.#cells[at]!;
    state.idleAtMs = slot === NO_PLACE ? 0 : this.#cells[at + 1]!;
    state.deniesUntilMs = slot === NO_PLACE ? 0 : this.#cells[at + 2]!;
    return state;
  }

  /** The tag goes last: whoever dies on the way leaves a slot that is free or whole. */
  #store(slot: number): boolean {
    if (slot === NO_PLACE) return false;
    const { tags } = this.#region;
    const at = slot * BUCKET_CELLS;
    this.#cells[at] = this.#state.value;
    this.#cells[at + 1] = this.#state.idleAtMs;
    this.#cells[at + 2] = this.#state.deniesUntilMs;
    tags[2 * slot] = this.#hash.low;
    tags[2 * slot + 1] = this.#hash.high;
    return true;
  }

  /** A free slot of the set, else one that may be given up. */
  #claim(set: number, nowMs: number): number {
    const { tags } = this.#region;
    let best = NO_PLACE;
    let bestIdleMs = Number.POSITIVE_INFINITY;
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
      if (tags[2 * slot + 1] === 0) return slot;
      const idleAtMs = this.#cells[slot * BUCKET_CELLS + 1]!;
      if (this.#cells[slot * BUCKET_CELLS + 2]! > nowMs || idleAtMs >= bestIdleMs) continue;
      best = slot;
      bestIdleMs = idleAtMs;
    }
    if (best !== NO_PLACE) tags[2 * best + 1] = 0;
    return best;
  }
}

const opened = new WeakMap<SharedArrayBuffer, SharedBuckets>();

/** The thread's view of the buckets; one for all policies. */
export function sharedBuckets({ buckets }: LimitMemory, threadId: number): SharedBuckets {
  let view = opened.get(buckets);
  if (view === undefined) {
    view = new SharedBuckets(buckets, threadId);
    opened.set(buckets, view);
  }
  return view;
}
