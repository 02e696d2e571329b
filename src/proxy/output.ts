import type { Socket } from 'node:net';
import { DirectWrite } from './direct-write.ts';
import { latin1 } from './http1/latin1.ts';

/**
 * Above this a run of bytes is handed to the kernel as a buffer; below, it is joined with the head into one
 * latin1 string, which Node writes from the stack in one system call without allocating.
 */
const JOIN_LIMIT_BYTES = 12 * 1024;

/**
 * What one turn of the event loop wants to say to a socket, gathered into as few writes as possible.
 * Bytes handed in are copied: their buffer is free when the call returns.
 */
export class Output {
  readonly socket: Socket;
  #text = '';
  #corked = false;
  #direct: DirectWrite | null = null;
  /** Bytes given to the socket since it was made. */
  writtenBytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Appends latin1 text. */
  text(value: string): void {
    this.#text += value;
  }

  /** Appends `buf[from, to)`. */
  bytes(buf: Uint8Array, from: number, to: number): void {
    if (this.#text.length + (to - from) <= JOIN_LIMIT_BYTES) {
      this.#text += latin1(buf, from, to);
      return;
    }
    this.#spill();
    const copy = Buffer.allocUnsafeSlow(to - from);
    copy.set(buf.subarray(from, to));
    this.writtenBytes += copy.length;
    this.socket.write(copy);
  }

  /** Sends what was gathered. False: the socket holds more than it wants; wait for `drain`. */
  flush(): boolean {
    if (this.#text !== '') this.#write();
    if (this.#corked) {
      this.#corked = false;
      this.socket.uncork();
    }
    return !this.socket.writableNeedDrain;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.socket.writableLength + (this.#direct?.unsentBytes ?? 0);
  }

  #spill(): void {
    if (!this.#corked) {
      this.#corked = true;
      this.socket.cork();
    }
    if (this.#text !== '') this.#write();
  }

  #write(): void {
    const text = this.#text;
    this.#text = '';
    this.writtenBytes += text.length;
    this.#direct ??= new DirectWrite(this.socket);
    if (this.#corked || !this.#direct.write(text)) this.socket.write(text, 'latin1');
  }
}
