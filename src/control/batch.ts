/**
 * Collects changes: the first after a pause is passed on at once, those of a storm together, at most
 * `windowMs` after the first of them.
 *
 *   quiet ──add──► flush at the end of this turn, window opens ──► windowMs without add ──► quiet
 *                  add while the window is open: flushed when it closes, and it opens again
 */
export class Batcher<T> {
  readonly #windowMs: number;
  readonly #flush: (items: T[]) => void;
  #items: T[] = [];
  #immediate: NodeJS.Immediate | null = null;
  #window: NodeJS.Timeout | null = null;

  /** `flush` is never called with an empty list, nor from inside `add`. */
  constructor(windowMs: number, flush: (items: T[]) => void) {
    this.#windowMs = windowMs;
    this.#flush = flush;
  }

  add(items: readonly T[]): void {
    for (const item of items) this.#items.push(item);
    if (this.#window === null && this.#immediate === null) {
      this.#immediate = setImmediate(() => {
        this.#immediate = null;
        this.#pass();
      });
    }
  }

  close(): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    if (this.#window !== null) clearTimeout(this.#window);
    this.#immediate = null;
    this.#window = null;
    this.#items = [];
  }

  #pass(): void {
    const items = this.#items;
    this.#items = [];
    this.#window = setTimeout(() => {
      this.#window = null;
      if (this.#items.length > 0) this.#pass();
    }, this.#windowMs);
    this.#flush(items);
  }
}
