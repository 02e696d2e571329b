import { write } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';

export type AccessLogDestination =
  | { readonly kind: 'stdout' }
  /** Appended to; made when it is missing, its folder too. */
  | { readonly kind: 'file'; readonly path: string };

export interface AccessSinkOptions {
  readonly destination: AccessLogDestination;
  /** Posts to one data-plane thread. */
  readonly send: (threadId: number, message: ObserveControlMessage) => void;
  /** Called when writing begins to fail (once until it works again). */
  readonly onError: (error: Error) => void;
}

const STDOUT = 1;
/** A destination that failed (a full disk) is tried again this often. */
const RETRY_MS = 1_000;
/** A pipe that does not block and whose reader is behind. */
const FULL_PIPE_MS = 50;
/** A log that nobody reads must not hold up the end of the program. */
const CLOSE_MS = 2_000;
const LINE_FEED = 0x0a;

/** Where batches are written; for tests, too. */
export interface AccessLogTarget {
  /** Writes some of it; returns how many bytes. */
  write(bytes: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

interface PendingBatch {
  readonly threadId: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  writtenBytes: number;
}

/**
 * Opens the destination.
 * @throws Error when the file can't be opened
 */
export async function openAccessSink(options: AccessSinkOptions): Promise<AccessSink> {
  return new AccessSink(await openTarget(options.destination), options);
}

async function openTarget(destination: AccessLogDestination): Promise<AccessLogTarget> {
  if (destination.kind === 'stdout') {
    const writeSome = promisify(write);
    return {
      write: async (bytes) => (await writeSome(STDOUT, bytes)).bytesWritten,
      close: async () => undefined,
    };
  }
  await mkdir(dirname(destination.path), { recursive: true });
  const file = await open(destination.path, 'a');
  return {
    write: async (bytes) => (await file.write(bytes)).bytesWritten,
    close: () => file.close(),
  };
}

/**
 * Writes the batches of all threads in the order in which they come. A batch's buffer goes back to its
 * thread only when its last byte is written: until then it holds one of the thread's credits.
 *
 * No stream of a library: those copy each batch first, and 13 MB of garbage a second had the control thread's collector
 * mark its whole heap every other second.
 */
export class AccessSink {
  #target: AccessLogTarget;
  readonly #options: AccessSinkOptions;
  readonly #pending: PendingBatch[] = [];
  /** Something is written or opened. */
  #busy = false;
  #wantsNewFile = false;
  #retry: NodeJS.Timeout | null = null;
  #failing = false;
  #closed = false;
  #onIdle: () => void = () => undefined;

  constructor(target: AccessLogTarget, options: AccessSinkOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Takes a message of a thread; false when it is no batch. */
  receive(threadId: number, message: ObserveThreadMessage): boolean {
    if (message.type !== 'accessLog') return false;
    if (this.#closed) return true;
    const bytes = new Uint8Array(message.buffer, 0, message.length);
    this.#pending.push({ threadId, bytes, writtenBytes: 0 });
    this.#pump();
    return true;
  }

  /** Opens the file anew, after something else renamed it: what comes from now on goes there. Does nothing for stdout. */
  reopen(): void {
    this.#wantsNewFile = this.#options.destination.kind === 'file' && !this.#closed;
    this.#retryNow();
  }

  /** Writes what is left, for at most two seconds. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
      this.#onIdle = resolve;
      this.#retryNow();
    });
    clearTimeout(timer);
    // Not waited for: it waits for a write that may hang.
    this.#target.close().catch(() => undefined);
  }

  #retryNow(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#pump();
  }

  #pump(): void {
    if (this.#busy || this.#retry !== null) return;
    if (this.#wantsNewFile) void this.#run(() => this.#openNewFile());
    else if (this.#pending.length > 0) void this.#run(() => this.#write(this.#pending[0]!));
    else this.#onIdle();
  }

  async #run(job: () => Promise<void>): Promise<void> {
    this.#busy = true;
    let failure: Error | null = null;
    try {
      await job();
    } catch (error) {
      failure = error as Error;
    }
    this.#busy = false;
    if (failure === null) this.#pump();
    else this.#onError(failure);
  }

  async #openNewFile(): Promise<void> {
    // Where it can't be opened, the old one goes on.
    this.#wantsNewFile = false;
    const old = this.#target;
    this.#target = await openTarget(this.#options.destination);
    // A line that a full disk has cut off stands in the new file as a whole.
    const [first] = this.#pending;
    if (first !== undefined) first.writtenBytes = lineStart(first);
    await old.close();
  }

  async #write(batch: PendingBatch): Promise<void> {
    while (batch.writtenBytes < batch.bytes.length) {
      batch.writtenBytes += await this.#target.write(batch.bytes.subarray(batch.writtenBytes));
      this.#failing = false;
    }
    this.#pending.shift();
    this.#options.send(batch.threadId, { type: 'accessLogCredit', buffer: batch.bytes.buffer });
  }

  #onError(error: NodeJS.ErrnoException): void {
    const isFullPipe = error.code === 'EAGAIN';
    if (!isFullPipe) {
      if (!this.#failing) this.#options.onError(error);
      this.#failing = true;
    }
    if (this.#closed && !isFullPipe) this.#onIdle();
    else if (this.#retry === null) this.#retryIn(isFullPipe ? FULL_PIPE_MS : RETRY_MS);
  }

  #retryIn(ms: number): void {
    this.#retry = setTimeout(() => this.#retryNow(), ms);
    this.#retry.unref();
  }
}

/** Where the line begins that is not wholly written. */
function lineStart({ bytes, writtenBytes }: PendingBatch): number {
  return writtenBytes === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, writtenBytes - 1) + 1;
}
