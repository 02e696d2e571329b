const MAX_REPLAY_BYTES = 64 * 1024;

/** Keeps what was read of a request's body, so that another try (or a mirror) can send it again. */
export class ReplayBuffer {
  /** All of the body that was passed on is still here. */
  complete = true;
  #keep = false;
  #chunks: Buffer[] | null = null;
  #bytes = 0;

  begin(keep: boolean): void {
    this.complete = true;
    this.#keep = keep;
    this.#chunks = null;
    this.#bytes = 0;
  }

  add(buf: Uint8Array, from: number, to: number): void {
    if (!this.complete) return;
    this.#bytes += to - from;
    if (!this.#keep || this.#bytes > MAX_REPLAY_BYTES) {
      this.complete = false;
      this.#chunks = null;
      return;
    }
    this.#chunks ??= [];
    this.#chunks.push(Buffer.from(buf.subarray(from, to)));
  }

  writeTo(write: (chunk: Buffer) => void): void {
    if (this.#chunks !== null) for (const chunk of this.#chunks) write(chunk);
  }

  /** The body so far, or null when it is no longer complete. */
  whole(): Buffer | null {
    if (!this.complete) return null;
    return this.#chunks === null ? Buffer.alloc(0) : Buffer.concat(this.#chunks);
  }

  /** Nobody will ask again. */
  drop(): void {
    this.complete = false;
    this.#chunks = null;
  }
}
