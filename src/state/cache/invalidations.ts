import { hashKey, type KeyHash } from '../limits/key-hash.ts';
import { type AnswersView, LOG_ENTRIES, openAnswers } from './memory.ts';

/** The mark of what concerns everything. */
export const EVERYTHING = 0;

/** What was made void lately, told to all threads: an answer that is still on its way may be what it was about. */
export class Invalidations {
  readonly #view: AnswersView;
  readonly #hash: KeyHash = { low: 0, high: 0 };

  constructor(memory: SharedArrayBuffer) {
    this.#view = openAnswers(memory);
  }

  /** How many there were. */
  get count(): number {
    return Atomics.load(this.#view.count, 0);
  }

  add(mark: number): void {
    const at = Atomics.add(this.#view.count, 0, 1);
    Atomics.store(this.#view.log, at & (LOG_ENTRIES - 1), mark);
  }

  /** Whether one of these marks, or perhaps one of them, was made void since there were so many. */
  concernsSince(count: number, marks: readonly number[]): boolean {
    const now = this.count;
    if (now - count >= LOG_ENTRIES) return true;
    for (let i = count; i < now; i++) {
      const mark = Atomics.load(this.#view.log, i & (LOG_ENTRIES - 1));
      if (mark === EVERYTHING || marks.includes(mark)) return true;
    }
    return false;
  }

  /** The same for all threads of the program; never {@link EVERYTHING}. */
  markOf(text: string): number {
    const { seed1, seed2 } = this.#view;
    hashKey('mark', text, seed1, seed2, this.#hash);
    return this.#hash.high;
  }
}
