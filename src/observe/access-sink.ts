import { once } from 'node:events';
import sonicBoom from 'sonic-boom';
import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';

export type AccessLogDestination =
  | { readonly kind: 'stdout' }
  /** Appended to; made when it is missing, its folder too. */
  | { readonly kind: 'file'; readonly path: string };

export interface AccessSinkOptions {
  readonly destination: AccessLogDestination;
  /** Posts to one data-plane thread. */
  readonly send: (threadId: number, message: ObserveControlMessage, transfer: ArrayBuffer[]) => void;
  /** Called when writing begins to fail (once until it works again). */
  readonly onError: (error: Error) => void;
}

/** A destination that failed (a full disk) is tried again this often. */
const RETRY_MS = 1_000;
/** A log that nobody reads must not hold up the end of the program. */
const CLOSE_MS = 2_000;

interface PendingBatch {
  readonly threadId: number;
  readonly buffer: ArrayBuffer;
  /** Bytes accepted up to its end. */
  readonly end: number;
}

/**
 * Opens the destination.
 * @throws Error when the file can't be opened
 */
export async function openAccessSink(options: AccessSinkOptions): Promise<AccessSink> {
  const { destination } = options;
  const target = destination.kind === 'stdout' ? { fd: 1 } : { dest: destination.path, mkdir: true };
  const stream = new sonicBoom.SonicBoom({ ...target, contentMode: 'buffer', sync: false });
  await once(stream, 'ready');
  return new AccessSink(stream, options);
}

/**
 * Writes the batches of all threads in the order in which they come. A batch's buffer goes back to its
 * thread only when its last byte is written: until then it holds one of the thread's credits.
 */
export class AccessSink {
  readonly #stream: sonicBoom.SonicBoom;
  readonly #options: AccessSinkOptions;
  readonly #pending: PendingBatch[] = [];
  #accepted = 0;
  #written = 0;
  #retry: NodeJS.Timeout | null = null;
  #failing = false;
  #closed = false;

  constructor(stream: sonicBoom.SonicBoom, options: AccessSinkOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('write', (bytes: number) => this.#onWritten(bytes));
    stream.on('error', (error: Error) => this.#onError(error));
  }

  /** Takes a message of a thread; false when it is no batch. */
  receive(threadId: number, message: ObserveThreadMessage): boolean {
    if (message.type !== 'accessLog') return false;
    if (this.#closed) return true;
    this.#accepted += message.length;
    this.#pending.push({ threadId, buffer: message.buffer, end: this.#accepted });
    // Typed for strings; in this content mode it takes buffers.
    this.#stream.write(Buffer.from(message.buffer, 0, message.length) as unknown as string);
    return true;
  }

  /** Opens the file anew, after something else renamed it. Does nothing for stdout. */
  reopen(): void {
    if (this.#options.destination.kind === 'file' && !this.#closed) this.#stream.reopen();
  }

  /** Writes what is left, for at most two seconds. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    const closed = new Promise<void>((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.once('error', () => resolve());
    });
    this.#stream.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([closed, late]);
    clearTimeout(timer);
    this.#stream.destroy();
  }

  #onWritten(bytes: number): void {
    this.#written += bytes;
    if (bytes > 0) this.#failing = false;
    while (this.#pending.length > 0 && this.#pending[0]!.end <= this.#written) {
      const { threadId, buffer } = this.#pending.shift()!;
      this.#options.send(threadId, { type: 'accessLogCredit', buffer }, [buffer]);
    }
  }

  /** sonic-boom keeps what it could not write, and waits for the next call: without credits none would come. */
  #onError(error: Error): void {
    if (!this.#failing) this.#options.onError(error);
    this.#failing = true;
    if (this.#closed || this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#stream.flush();
    }, RETRY_MS);
    this.#retry.unref();
  }
}
