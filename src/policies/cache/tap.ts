import type { BodyTap } from '../../pipeline/body.ts';

/** Who wants the body. Exactly one is called. */
export interface BodyWaiter {
  onWhole(body: Buffer): void;
  onTooLarge(): void;
  onBroken(): void;
}

/** Copies a body as it passes, up to a limit. */
export class BodyKeeper implements BodyTap {
  readonly #maxBytes: number;
  readonly #waiter: BodyWaiter;
  #chunks: Buffer[] | null = [];
  #bytes = 0;

  constructor(maxBytes: number, waiter: BodyWaiter) {
    this.#maxBytes = maxBytes;
    this.#waiter = waiter;
  }

  onData(bytes: Uint8Array): void {
    if (this.#chunks === null) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes) {
      this.#chunks = null;
      this.#waiter.onTooLarge();
      return;
    }
    this.#chunks.push(Buffer.from(bytes));
  }

  onEnd(): void {
    const chunks = this.#chunks;
    this.#chunks = null;
    if (chunks !== null) this.#waiter.onWhole(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }

  onAbort(): void {
    const chunks = this.#chunks;
    this.#chunks = null;
    if (chunks !== null) this.#waiter.onBroken();
  }
}
