import { hashKey, type KeyHash } from '../limits/key-hash.ts';
import { lock, unlock } from '../limits/lock.ts';
import { EVERYTHING } from './invalidations.ts';
import { type AnswersView, openAnswers, WAYS } from './memory.ts';

/** Where something lies, and which of the things that lay there: see {@link Slab.holds}. */
export interface Place {
  readonly slot: number;
  readonly version: number;
}

export interface Found extends Place {
  /** A copy. */
  readonly value: Buffer;
}

interface Change {
  readonly value: Uint8Array;
  readonly marks: readonly number[];
}

type Update =
  | { readonly kind: 'written'; readonly place: Place }
  /** `impossible`: it is too large, or its lock can't be had. */
  | { readonly kind: 'refused'; readonly why: 'left' | 'impossible' };

const HASH_LOW = 0;
const HASH_HIGH = 1;
const LENGTH = 2;
const VERSION = 3;
const WORDS = 4;

/** In front of a record: bytes of the key, number of its marks. */
const RECORD_HEAD = 8;
/** A record takes no more than this share of a ring. */
const LARGEST_SHARE = 1 / 4;
/** What is read in the last part of its time is written anew: what is asked for stays. */
const RENEWED_FROM = 3 / 4;

/**
 * Keys and values in memory that all threads share. A ring forgets what is oldest; what is removed is gone for all threads
 * when the call returns, also where a thread has kept a copy and asks {@link Slab.holds} before it uses it.
 */
export class Slab {
  readonly #view: AnswersView;
  readonly #owner: number;
  readonly #hash: KeyHash = { low: 0, high: 0 };

  constructor(memory: SharedArrayBuffer, threadId: number) {
    this.#view = openAnswers(memory);
    this.#owner = threadId + 1;
  }

  /** Bytes that a key with its value may have. */
  get largest(): number {
    return Math.floor(this.#view.ringBytes * LARGEST_SHARE) - RECORD_HEAD - 64;
  }

  /** Whether what was found there is still what lies there. */
  holds(place: Place): boolean {
    return Atomics.load(this.#view.words, place.slot * WORDS + VERSION) === place.version;
  }

  read(key: string): Found | null {
    const bytes = Buffer.from(key, 'utf8');
    const shard = this.#locate(key);
    if (!this.#lock(shard)) return null;
    try {
      const slot = this.#find(shard, bytes);
      if (slot < 0) return null;
      this.#renew(shard, slot);
      return { slot, version: this.#word(slot, VERSION), value: this.#valueAt(shard, slot) };
    } finally {
      this.#unlock(shard);
    }
  }

  /** @returns its place, or null when it is too large */
  write(key: string, value: Uint8Array, marks: readonly number[]): Place | null {
    const change = this.update(key, () => ({ value, marks }));
    return change.kind === 'written' ? change.place : null;
  }

  /**
   * Reads and writes as one step.
   * @param change from what is there to what shall be; null leaves it
   */
  update(key: string, change: (now: Buffer | null) => Change | null): Update {
    const bytes = Buffer.from(key, 'utf8');
    const shard = this.#locate(key);
    if (!this.#lock(shard)) return { kind: 'refused', why: 'impossible' };
    try {
      const found = this.#find(shard, bytes);
      const next = change(found < 0 ? null : this.#valueAt(shard, found));
      if (next === null) return { kind: 'refused', why: 'left' };
      const slot = found < 0 ? this.#slotFor(shard) : found;
      this.#clear(slot);
      const place = this.#append(shard, slot, bytes, next.value, next.marks);
      return place === null ? { kind: 'refused', why: 'impossible' } : { kind: 'written', place };
    } finally {
      this.#unlock(shard);
    }
  }

  remove(key: string): void {
    const shard = this.#locate(key);
    if (!this.#lock(shard)) return;
    // By its hash alone: what the ring has forgotten some thread may still have a copy of.
    const first = this.#firstSlot(shard);
    for (let slot = first; slot < first + WAYS; slot++) if (this.#hasHash(slot)) this.#clear(slot);
    this.#unlock(shard);
  }

  /** Removes what has the mark (0: everything), and what is forgotten, whose marks nobody knows. @returns how many had it */
  removeMarked(mark: number): number {
    const { shards, slots } = this.#view;
    let removed = 0;
    for (let slot = 0; slot < shards * slots; slot++) {
      const shard = Math.floor(slot / slots);
      if (this.#word(slot, HASH_HIGH) === 0 || !this.#lock(shard)) continue;
      const known = this.#isKept(shard, slot);
      const marked = known && (mark === EVERYTHING || this.#hasMark(shard, slot, mark));
      if (marked) removed++;
      if (marked || !known) this.#clear(slot);
      this.#unlock(shard);
    }
    return removed;
  }

  // --- slots

  #locate(key: string): number {
    const { seed1, seed2, shards } = this.#view;
    hashKey('', key, seed1, seed2, this.#hash);
    return (this.#hash.low >>> 16) & (shards - 1);
  }

  /** Of the set in which the key's slot lies. */
  #firstSlot(shard: number): number {
    const { slots } = this.#view;
    return shard * slots + ((this.#hash.high >>> 4) & (slots / WAYS - 1)) * WAYS;
  }

  #find(shard: number, key: Buffer): number {
    const first = this.#firstSlot(shard);
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#hasHash(slot) && this.#isKept(shard, slot) && this.#hasKey(shard, slot, key)) return slot;
    }
    return -1;
  }

  /** A free one, else the one that would be forgotten first. */
  #slotFor(shard: number): number {
    const first = this.#firstSlot(shard);
    let oldest = first;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#word(slot, HASH_HIGH) === 0 || !this.#isKept(shard, slot)) return slot;
      if (this.#view.positions[slot]! < this.#view.positions[oldest]!) oldest = slot;
    }
    return oldest;
  }

  #hasHash(slot: number): boolean {
    return this.#word(slot, HASH_LOW) === this.#hash.low && this.#word(slot, HASH_HIGH) === this.#hash.high;
  }

  #word(slot: number, which: number): number {
    return this.#view.words[slot * WORDS + which]!;
  }

  /** Copies of it are void from here on. */
  #clear(slot: number): void {
    const { words } = this.#view;
    words[slot * WORDS + HASH_LOW] = 0;
    words[slot * WORDS + HASH_HIGH] = 0;
    Atomics.add(words, slot * WORDS + VERSION, 1);
  }

  #lock(shard: number): boolean {
    return lock(this.#view.locks, shard, this.#owner);
  }

  #unlock(shard: number): void {
    unlock(this.#view.locks, shard);
  }

  // --- rings

  #isKept(shard: number, slot: number): boolean {
    const { heads, positions, ringBytes } = this.#view;
    return positions[slot]! >= heads[shard]! - ringBytes;
  }

  #offset(shard: number, position: number): number {
    const { ringBytes } = this.#view;
    return shard * ringBytes + (position % ringBytes);
  }

  #append(
    shard: number,
    slot: number,
    key: Buffer,
    value: Uint8Array,
    marks: readonly number[],
  ): Place | null {
    const length = RECORD_HEAD + key.length + marks.length * 4 + value.length;
    if (length > this.#view.ringBytes * LARGEST_SHARE) return null;
    const position = this.#reserve(shard, length);
    const { rings } = this.#view;
    let at = this.#offset(shard, position);
    at = rings.writeUInt32LE(key.length, at);
    at = rings.writeUInt32LE(marks.length, at);
    for (const mark of marks) at = rings.writeInt32LE(mark, at);
    rings.set(key, at);
    rings.set(value, at + key.length);
    this.#settle(slot, position, length);
    return { slot, version: this.#word(slot, VERSION) };
  }

  /** What lies there is forgotten from here on, even if this thread dies before it has written. */
  #reserve(shard: number, length: number): number {
    const { heads, ringBytes } = this.#view;
    let position = heads[shard]!;
    const left = ringBytes - (position % ringBytes);
    if (left < length) position += left;
    // Rounded up, so that no position is used twice.
    heads[shard] = position + Math.max(8, Math.ceil(length / 8) * 8);
    return position;
  }

  /** The hash comes last: without it the slot is free. */
  #settle(slot: number, position: number, length: number): void {
    const { words, positions } = this.#view;
    positions[slot] = position;
    words[slot * WORDS + LENGTH] = length;
    words[slot * WORDS + HASH_LOW] = this.#hash.low;
    words[slot * WORDS + HASH_HIGH] = this.#hash.high;
  }

  /** Its version stays: copies of it are as good as before. */
  #renew(shard: number, slot: number): void {
    const { heads, positions, ringBytes, rings } = this.#view;
    const length = this.#word(slot, LENGTH);
    if (heads[shard]! - positions[slot]! < ringBytes * RENEWED_FROM) return;
    const from = this.#offset(shard, positions[slot]!);
    const copy = Buffer.from(rings.subarray(from, from + length));
    const position = this.#reserve(shard, length);
    rings.set(copy, this.#offset(shard, position));
    positions[slot] = position;
  }

  #hasKey(shard: number, slot: number, key: Buffer): boolean {
    const { rings, positions } = this.#view;
    const at = this.#offset(shard, positions[slot]!);
    if (rings.readUInt32LE(at) !== key.length) return false;
    const from = at + RECORD_HEAD + rings.readUInt32LE(at + 4) * 4;
    return rings.compare(key, 0, key.length, from, from + key.length) === 0;
  }

  #hasMark(shard: number, slot: number, mark: number): boolean {
    const { rings, positions } = this.#view;
    const at = this.#offset(shard, positions[slot]!);
    const marks = rings.readUInt32LE(at + 4);
    for (let i = 0; i < marks; i++) if (rings.readInt32LE(at + RECORD_HEAD + i * 4) === mark) return true;
    return false;
  }

  #valueAt(shard: number, slot: number): Buffer {
    const { rings, positions } = this.#view;
    const at = this.#offset(shard, positions[slot]!);
    const from = at + RECORD_HEAD + rings.readUInt32LE(at + 4) * 4 + rings.readUInt32LE(at);
    const copy = Buffer.allocUnsafeSlow(at + this.#word(slot, LENGTH) - from);
    copy.set(rings.subarray(from, from + copy.length));
    return copy;
  }
}
