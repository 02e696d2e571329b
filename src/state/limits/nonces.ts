import type { LimitMemory } from '../../ir/messages.ts';
import { hashKey, type KeyHash } from './key-hash.ts';
import { lock, unlock } from './lock.ts';
import { openRegion, type RegionView, WAYS } from './memory.ts';

/**
 *   fresh       it was not used before, and now is;
 *   used        it was, and may not be again until it expires;
 *   forgotten   memory was too short to tell.
 */
export type NonceVerdict = 'fresh' | 'used' | 'forgotten';

/**
 * Nonces that were used, over all threads, until they expire. None is ever admitted twice: a set of slots that is full
 * gives up the nonce that expires first and remembers when that was, and from then on admits only what expires later.
 * So when more nonces come than memory holds, what is lost is how late they may come.
 */
export class SharedNonces {
  readonly #region: RegionView;
  /** Unix milliseconds: of each slot when it expires, then of each set what expired last of all that it gave up. */
  readonly #cells: Float64Array<SharedArrayBuffer>;
  readonly #owner: number;
  readonly #hash: KeyHash = { low: 0, high: 0 };

  constructor(memory: SharedArrayBuffer, threadId: number) {
    const region = openRegion(memory);
    this.#region = region;
    this.#cells = new Float64Array(memory, region.cellOffset, region.sets * (WAYS + 1));
    this.#owner = threadId + 1;
  }

  /**
   * @param owner whose nonce it is; the same one of another owner is another nonce
   * @param expiresAtMs Unix milliseconds; what carries the nonce is of no use from then on
   */
  use(owner: string, nonce: string, expiresAtMs: number, nowMs: number): NonceVerdict {
    const { locks, seed1, seed2, sets } = this.#region;
    hashKey(owner, nonce, seed1, seed2, this.#hash);
    const set = this.#hash.low & (sets - 1);
    // Its holder died a moment ago: nothing of this set can be read safely.
    if (!lock(locks, set, this.#owner)) return 'forgotten';
    const verdict = this.#useIn(set, expiresAtMs, nowMs);
    unlock(locks, set);
    return verdict;
  }

  #useIn(set: number, expiresAtMs: number, nowMs: number): NonceVerdict {
    const { tags, sets } = this.#region;
    const { low, high } = this.#hash;
    const given = sets * WAYS + set;
    let best = set * WAYS;
    for (let slot = set * WAYS; slot < (set + 1) * WAYS; slot++) {
      const expires = this.#cells[slot]!;
      if (tags[2 * slot + 1] === high && tags[2 * slot] === low && expires > nowMs) return 'used';
      if (expires < this.#cells[best]!) best = slot;
    }
    if (expiresAtMs <= this.#cells[given]!) return 'forgotten';
    const first = this.#cells[best]!;
    if (first > nowMs) {
      if (expiresAtMs <= first) return 'forgotten';
      this.#cells[given] = first;
    }
    // A thread that dies here leaves a slot that is free, or one that is whole.
    tags[2 * best + 1] = 0;
    this.#cells[best] = expiresAtMs;
    tags[2 * best] = low;
    tags[2 * best + 1] = high;
    return 'fresh';
  }
}

const opened = new WeakMap<SharedArrayBuffer, SharedNonces>();

/** The thread's view of the nonces; one for all policies. */
export function sharedNonces({ nonces }: LimitMemory, threadId: number): SharedNonces {
  let view = opened.get(nonces);
  if (view === undefined) {
    view = new SharedNonces(nonces, threadId);
    opened.set(nonces, view);
  }
  return view;
}
