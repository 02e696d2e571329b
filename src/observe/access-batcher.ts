import { type AccessLogFormat, compileAccessFormat } from './access-format.ts';
import type { AccessLogWriter, AccessRecord } from './access-record.ts';
import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';
import type { Counter } from './thread-metrics.ts';

/** Some hundred lines: what a batch costs the control thread is shared by them. Holds the longest line many times over. */
const BATCH_BYTES = 262_144;
/** Lines are gathered up to here before they are written into the batch: one call for all of them. */
const GATHERED_LENGTH = 8_192;
/** Batches that may be under way to the control thread. */
const CREDITS = 8;
/** A line is not held back longer than this. */
const FLUSH_MS = 200;

export interface AccessBatcherOptions {
  readonly format: AccessLogFormat;
  /** Posts to the control thread. */
  readonly send: (message: ObserveThreadMessage) => void;
  readonly lines: Counter;
  readonly dropped: Counter;
}

/**
 * The access log of one data-plane thread. Lines are written into a buffer that is handed to the control
 * thread when it is full or 200 ms old. The buffers come back once written, at most eight are away: a log
 * that can't be written fast enough costs lines, which are counted, and never memory or a stalled thread.
 *
 * The memory is shared: buffers that are moved between threads count as new garbage of each, and had the control thread's
 * collector mark its whole heap every other second.
 */
export class AccessBatcher implements AccessLogWriter {
  readonly #format: (record: AccessRecord) => string;
  readonly #send: AccessBatcherOptions['send'];
  readonly #lines: Counter;
  readonly #dropped: Counter;
  readonly #timer: NodeJS.Timeout;
  readonly #spare: SharedArrayBuffer[] = [];
  #credits = CREDITS;
  #batch: Buffer<SharedArrayBuffer> | null = null;
  /** Bytes of the batch's lines. */
  #length = 0;
  /** The last of them, which are not in the buffer yet. */
  #gathered = '';
  #count = 0;

  /** @throws Error when the format's template is wrong */
  constructor(options: AccessBatcherOptions) {
    this.#format = compileAccessFormat(options.format);
    this.#send = options.send;
    this.#lines = options.lines;
    this.#dropped = options.dropped;
    this.#timer = setInterval(() => this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  write(record: AccessRecord): void {
    if (this.#batch === null && this.#credits === 0) {
      this.#dropped.add(1);
      return;
    }
    const line = this.#format(record);
    // Lines are ASCII, so characters are bytes.
    if (this.#length + line.length > BATCH_BYTES) this.flush();
    if (line.length > BATCH_BYTES || (this.#batch ?? this.#take()) === null) {
      this.#dropped.add(1);
      return;
    }
    this.#gathered += line;
    this.#length += line.length;
    this.#count += 1;
    if (this.#gathered.length >= GATHERED_LENGTH) this.#settle();
  }

  #settle(): void {
    this.#batch?.write(this.#gathered, this.#length - this.#gathered.length, 'latin1');
    this.#gathered = '';
  }

  flush(): void {
    const batch = this.#batch;
    if (batch === null || this.#count === 0) return;
    this.#settle();
    const message = { length: this.#length, lines: this.#count, buffer: batch.buffer };
    this.#lines.add(this.#count);
    this.#batch = null;
    this.#length = 0;
    this.#count = 0;
    this.#send({ type: 'accessLog', ...message });
  }

  /** Takes what the control thread sends back. */
  receive(message: ObserveControlMessage): void {
    // More than all of them: of a batch that this thread's predecessor sent before it died.
    if (message.type !== 'accessLogCredit' || this.#credits === CREDITS) return;
    this.#credits += 1;
    this.#spare.push(message.buffer);
  }

  /** Hands over the last lines and stops the timer. */
  close(): void {
    this.flush();
    clearInterval(this.#timer);
  }

  /** A buffer for the next batch costs a credit; null when all of them are away. */
  #take(): Buffer<SharedArrayBuffer> | null {
    if (this.#credits === 0) return null;
    this.#credits -= 1;
    this.#batch = Buffer.from(this.#spare.pop() ?? new SharedArrayBuffer(BATCH_BYTES));
    return this.#batch;
  }
}
