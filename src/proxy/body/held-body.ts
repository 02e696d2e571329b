import type { BodyBudget } from './budget.ts';

const FIRST_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/**
 * Bytes of a body, held in one piece. It grows with what has come, not with what was announced: a client that only claims to
 * send much takes no memory. A body of one-byte chunks takes no more than one of large ones.
 */
export class HeldBody {
  length = 0;
  readonly #budget: BodyBudget;
  #buffer: Buffer = NOTHING;
  #taken = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** A view: valid until the next call. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  /** Copies `buf[from, to)` behind what is held. False: there is no room. */
  add(buf: Uint8Array, from: number, to: number): boolean {
    const length = this.length + (to - from);
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#buffer.set(buf.subarray(from, to), this.length);
    this.length = length;
    return true;
  }

  /** Holds these bytes, not copied, in place of all others: they are counted, never refused. */
  hold(bytes: Buffer): void {
    this.drop();
    this.#budget.takeAnyway(bytes.length);
    this.#taken = bytes.length;
    this.#buffer = bytes;
    this.length = bytes.length;
  }

  /** All of it; nothing is held any more. */
  take(): Buffer {
    const { bytes } = this;
    this.drop();
    return bytes;
  }

  drop(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
    this.#buffer = NOTHING;
    this.length = 0;
  }

  #grow(length: number): boolean {
    const capacity = Math.max(length, FIRST_BYTES, this.#buffer.length * 2);
    if (!this.#budget.take(capacity - this.#taken)) return false;
    this.#taken = capacity;
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.bytes);
    this.#buffer = grown;
    return true;
  }
}
