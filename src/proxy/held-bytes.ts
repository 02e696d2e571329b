/** Bytes that arrived before anybody could take them. */
export class HeldBytes {
  #bytes: Buffer | null = null;

  get empty(): boolean {
    return this.#bytes === null;
  }

  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  /** Copies `buf[from, to)` behind what is held. */
  add(buf: Uint8Array, from: number, to: number): void {
    const copy = Buffer.from(buf.subarray(from, to));
    this.#bytes = this.#bytes === null ? copy : Buffer.concat([this.#bytes, copy]);
  }

  /** All of it; nothing is held any more. */
  take(): Buffer | null {
    const bytes = this.#bytes;
    this.#bytes = null;
    return bytes;
  }
}
