import type { CacheMemory } from '../../ir/messages.ts';
import { SharedClock } from '../limits/clock.ts';
import { hashKey, type KeyHash } from '../limits/key-hash.ts';
import { lock, unlock } from '../limits/lock.ts';
import { type FlightsView, openFlights, WAYS } from './memory.ts';

/** What became of the answer that others wait for. */
export type Landing =
  /** It is in the store. */
  | 'stored'
  /** Each has to ask for its own, and so do those who come in the next seconds. */
  | 'unstorable'
  /** No answer came, or a server error. */
  | 'failed'
  /** Whoever asked has gone: another one may ask in its place. */
  | 'abandoned';

export type Boarding =
  /** Nobody asks: do it, and call {@link Flights.land}. */
  | { readonly kind: 'lead'; readonly flight: Flight }
  /** Somebody asks. The promise resolves when it has landed, or when that took too long; it never rejects. */
  | { readonly kind: 'wait'; readonly landed: Promise<unknown> }
  /** Ask for yourself. */
  | { readonly kind: 'alone' }
  /** It failed a moment ago. */
  | { readonly kind: 'failed' };

export interface Flight {
  readonly place: number;
  readonly turn: number;
}

const STATE = 2;
const TURN = 3;
const WORDS = 4;

const IN_FLIGHT = 1;
const UNSTORABLE = 2;
const FAILED = 3;

/** Whoever has not landed after so long is taken for dead. */
const LEASE_MS = 60_000;
const UNSTORABLE_MS = 10_000;
const FAILED_MS = 1_000;

const ALONE: Boarding = { kind: 'alone' };
const FAILED_LATELY: Boarding = { kind: 'failed' };

/** Sees to it that only one request, over all threads, asks the backend for what many want. */
export class Flights {
  readonly #view: FlightsView;
  readonly #clock: SharedClock;
  readonly #owner: number;
  readonly #hash: KeyHash = { low: 0, high: 0 };
  /** One wait of the thread for each place, however many wait in it. */
  readonly #waits = new Map<number, { readonly turn: number; readonly landed: Promise<unknown> }>();

  constructor(memory: SharedArrayBuffer, threadId: number) {
    this.#view = openFlights(memory);
    this.#clock = new SharedClock(this.#view.startedAtMs, this.#view.epochMs);
    this.#owner = threadId + 1;
  }

  /** @param patienceMs how long to wait for another one's answer; null: not at all */
  board(key: string, patienceMs: number | null): Boarding {
    const { seed1, seed2, sets, locks } = this.#view;
    hashKey('', key, seed1, seed2, this.#hash);
    const set = this.#hash.low & (sets - 1);
    if (!lock(locks, set, this.#owner)) return ALONE;
    try {
      return this.#board(set, patienceMs);
    } finally {
      unlock(locks, set);
    }
  }

  /** The flight, or null when somebody asks, has failed a moment ago, or had an answer that is not kept. */
  lead(key: string): Flight | null {
    const boarding = this.board(key, null);
    return boarding.kind === 'lead' ? boarding.flight : null;
  }

  land({ place, turn }: Flight, landing: Landing): void {
    const { words, locks, until } = this.#view;
    const set = Math.floor(place / WAYS);
    if (!lock(locks, set, this.#owner)) return;
    const mine = words[place * WORDS + TURN] === turn && words[place * WORDS + STATE] === IN_FLIGHT;
    if (mine) {
      const nowMs = this.#clock.nowMs();
      words[place * WORDS + STATE] = landing === 'unstorable' ? UNSTORABLE : FAILED;
      until[place] =
        nowMs + (landing === 'unstorable' ? UNSTORABLE_MS : landing === 'failed' ? FAILED_MS : 0);
      this.#nextTurn(place);
    }
    unlock(locks, set);
  }

  #board(set: number, patienceMs: number | null): Boarding {
    const { words, until } = this.#view;
    const nowMs = this.#clock.nowMs();
    let free = -1;
    for (let place = set * WAYS; place < (set + 1) * WAYS; place++) {
      const over = until[place]! <= nowMs;
      if (over && free < 0) free = place;
      if (words[place * WORDS] !== this.#hash.low || words[place * WORDS + 1] !== this.#hash.high) continue;
      if (over) {
        free = place;
        break;
      }
      const state = words[place * WORDS + STATE];
      if (state === IN_FLIGHT) {
        return patienceMs === null ? ALONE : { kind: 'wait', landed: this.#waitFor(place, patienceMs) };
      }
      return state === FAILED ? FAILED_LATELY : ALONE;
    }
    return free < 0 ? ALONE : this.#lead(free, nowMs);
  }

  #lead(place: number, nowMs: number): Boarding {
    const { words, until } = this.#view;
    words[place * WORDS] = this.#hash.low;
    words[place * WORDS + 1] = this.#hash.high;
    words[place * WORDS + STATE] = IN_FLIGHT;
    until[place] = nowMs + LEASE_MS;
    return { kind: 'lead', flight: { place, turn: this.#nextTurn(place) } };
  }

  /** Wakes whoever waited for the turn before. */
  #nextTurn(place: number): number {
    const { words } = this.#view;
    const turn = (Atomics.add(words, place * WORDS + TURN, 1) + 1) | 0;
    Atomics.notify(words, place * WORDS + TURN);
    return turn;
  }

  #waitFor(place: number, patienceMs: number): Promise<unknown> {
    const turn = this.#view.words[place * WORDS + TURN]!;
    const known = this.#waits.get(place);
    if (known !== undefined && known.turn === turn) return known.landed;
    const wait = Atomics.waitAsync(this.#view.words, place * WORDS + TURN, turn, patienceMs);
    const landed = Promise.resolve(wait.value).then(() => this.#endWait(place, turn));
    this.#waits.set(place, { turn, landed });
    return landed;
  }

  #endWait(place: number, turn: number): void {
    if (this.#waits.get(place)?.turn === turn) this.#waits.delete(place);
  }
}

const opened = new WeakMap<SharedArrayBuffer, Flights>();

/** The thread's one view of them. */
export function threadFlights({ flights }: CacheMemory, threadId: number): Flights {
  let view = opened.get(flights);
  if (view === undefined) {
    view = new Flights(flights, threadId);
    opened.set(flights, view);
  }
  return view;
}
