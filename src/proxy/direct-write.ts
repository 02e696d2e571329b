import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A write that the kernel did not take at once; it has a copy of the text. */
interface WriteRequest {
  oncomplete: ((status: number) => void) | null;
  /** The status, when it was complete before `oncomplete` could be set; else null. */
  readonly writeStatus: number | null;
}

/** What Node has below the stream of a TCP socket. */
interface TcpHandle {
  /** 0: all of it is in the kernel; a negative number: an error of libuv; else the rest is under way. */
  writeLatin1String(request: null, text: string): number | WriteRequest;
  /** Bytes of requests that are under way. */
  readonly writeQueueSize: number;
}

/** The Node whose handles are known to work like that; elsewhere everything goes through the stream. */
const isKnownNode = process.versions.node.startsWith('26.');

/** A write that was refused when it was to be queued says no more than that. */
const REFUSED = -32;

function tcpHandle(socket: Socket): TcpHandle | null {
  const handle = (socket as unknown as { _handle: (TcpHandle & object) | null })._handle;
  return isKnownNode && handle?.constructor.name === 'TCP' ? handle : null;
}

/**
 * Writes text to a TCP socket past its stream: one system call and, as a rule, no object. Nearly every message goes out
 * like that, and most of what `Writable` does for a write is of no use to it. It steps aside whenever the stream or the
 * kernel holds something back; libuv queues in the order of the calls, so the order of the bytes is kept.
 */
export class DirectWrite {
  readonly #socket: Socket;
  #handle: TcpHandle | null;
  /** Bytes that the kernel has not taken yet, at most. */
  unsentBytes = 0;

  /** @param socket a connected one */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#handle = tcpHandle(socket);
  }

  /** False: nothing was written, the stream has to do it. */
  write(text: string): boolean {
    const handle = this.#handle;
    if (handle === null || this.unsentBytes !== 0 || this.#socket.writableLength !== 0) return false;
    const result = handle.writeLatin1String(null, text);
    if (result !== 0) this.#onUnfinished(handle, result, text.length);
    return true;
  }

  #onUnfinished(handle: TcpHandle, result: number | WriteRequest, length: number): void {
    if (typeof result === 'number') {
      this.#fail(result);
    } else if (result.writeStatus !== null || handle.writeQueueSize === 0) {
      // Over already. With nothing queued it was refused, and `oncomplete` is never called.
      this.#onComplete(result.writeStatus ?? REFUSED);
    } else {
      this.unsentBytes = length;
      result.oncomplete = (status) => this.#onComplete(status);
    }
  }

  #onComplete(status: number): void {
    this.unsentBytes = 0;
    if (status < 0) this.#fail(status);
  }

  /** As a failed write of the stream: `error`, then `close`. */
  #fail(status: number): void {
    this.#handle = null;
    if (!this.#socket.destroyed) this.#socket.destroy(new Error(`write ${getSystemErrorName(status)}`));
  }
}
