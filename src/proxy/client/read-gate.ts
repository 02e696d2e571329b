import type { Socket } from 'node:net';

/** Bytes kept for later before the socket is no longer read. */
const MAX_HELD_BYTES = 64 * 1024;

/** Holds bytes that can't be taken yet, and stops the socket where that is called for. */
export class ReadGate {
  readonly #socket: Socket;
  #held: Buffer | null = null;
  #stopped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Nothing is held. */
  get empty(): boolean {
    return this.#held === null;
  }

  /** What comes now has to wait behind what is held, or for the socket to be opened. */
  get shut(): boolean {
    return this.#stopped || this.#held !== null;
  }

  /** Copies `buf[from, to)` behind what is held. */
  hold(buf: Buffer, from: number, to: number): void {
    const copy = Buffer.from(buf.subarray(from, to));
    this.#held = this.#held === null ? copy : Buffer.concat([this.#held, copy]);
    if (this.#held.length >= MAX_HELD_BYTES) this.stop();
  }

  /** All that is held; nothing is held any more. */
  take(): Buffer | null {
    const held = this.#held;
    this.#held = null;
    return held;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#socket.pause();
  }

  open(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#socket.resume();
  }
}
