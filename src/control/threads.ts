import { Worker } from 'node:worker_threads';
import type { ControlMessage, ThreadMessage, ThreadStart } from '../ir/messages.ts';
import type { ObserveControlMessage, ObserveThreadMessage } from '../observe/messages.ts';
import type { ControlLog } from './log.ts';

export interface ThreadPoolOptions {
  /** Module that every data-plane thread runs. */
  readonly entry: URL;
  readonly count: number;
  /** `workerData` of a thread; called again when it is restarted. */
  readonly start: (threadId: number) => ThreadStart;
  /** First pause before a dead thread is started again; doubles up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly log: ControlLog;
}

/** What the pool tells its owner. */
export interface ThreadPoolEvents {
  /** A thread was started and knows nothing yet: it wants the full state. */
  started(threadId: number): void;
  message(threadId: number, message: ThreadMessage | ObserveThreadMessage): void;
  /** A thread ended. Unless the pool is stopping, `started` follows after the back-off. */
  lost(threadId: number, reason: string): void;
}

/** A thread that lived this long is no longer taken for one that dies at once: its back-off begins anew. */
const STABLE_AFTER_MS = 60_000;

interface ThreadSlot {
  readonly id: number;
  worker: Worker | null;
  startedAtMs: number;
  /** Failures in a row, for the back-off. */
  failures: number;
  restarts: number;
  restartTimer: NodeJS.Timeout | null;
}

/**
 * The data-plane threads. Each slot is in one of three states:
 *   running   worker set;
 *   waiting   died, restartTimer set;
 *   stopped   after `stop`, or when it ended while the pool was stopping.
 */
export class ThreadPool {
  readonly count: number;
  readonly #options: ThreadPoolOptions;
  readonly #slots: ThreadSlot[];
  #events: ThreadPoolEvents | null = null;
  #stopping = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.count = options.count;
    this.#slots = Array.from({ length: options.count }, (_, id) => ({
      id,
      worker: null,
      startedAtMs: 0,
      failures: 0,
      restarts: 0,
      restartTimer: null,
    }));
  }

  /** Starts every thread. They load their modules while the caller reads its resources. */
  start(events: ThreadPoolEvents): void {
    this.#events = events;
    for (const slot of this.#slots) this.#spawn(slot);
  }

  /** Restarts since the program began, by thread. */
  restarts(): readonly number[] {
    return this.#slots.map((slot) => slot.restarts);
  }

  isRunning(threadId: number): boolean {
    return this.#slots[threadId]?.worker != null;
  }

  /** To every running thread. A thread that is not running gets the full state when it comes back. */
  post(message: ControlMessage): void {
    for (const slot of this.#slots) slot.worker?.postMessage(message);
  }

  postTo(threadId: number, message: ControlMessage | ObserveControlMessage): void {
    this.#slots[threadId]?.worker?.postMessage(message);
  }

  /** From here on threads that end are not started again. */
  beginStop(): void {
    this.#stopping = true;
    for (const slot of this.#slots) {
      if (slot.restartTimer !== null) clearTimeout(slot.restartTimer);
      slot.restartTimer = null;
    }
  }

  /** Ends every thread at once, whatever it is doing. */
  async stop(): Promise<void> {
    this.beginStop();
    await Promise.all(this.#slots.map((slot) => slot.worker?.terminate()));
  }

  #spawn(slot: ThreadSlot): void {
    const worker = new Worker(this.#options.entry, {
      workerData: this.#options.start(slot.id),
      name: `portreeve-${slot.id}`,
    });
    slot.worker = worker;
    slot.startedAtMs = performance.now();
    let reason = 'the thread ended by itself';
    worker.on('message', (message: ThreadMessage | ObserveThreadMessage) =>
      this.#events?.message(slot.id, message),
    );
    worker.on('error', (error: unknown) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => {
      slot.worker = null;
      if (!this.#stopping) this.#restartLater(slot, reason);
      this.#events?.lost(slot.id, reason);
    });
    this.#events?.started(slot.id);
  }

  #restartLater(slot: ThreadSlot, reason: string): void {
    const { backoffMs, maxBackoffMs, log } = this.#options;
    if (performance.now() - slot.startedAtMs > STABLE_AFTER_MS) slot.failures = 0;
    const delayMs = Math.min(maxBackoffMs, backoffMs * 2 ** slot.failures);
    slot.failures += 1;
    slot.restarts += 1;
    log.error({ thread: slot.id, reason, restartInMs: delayMs }, 'data-plane thread died');
    slot.restartTimer = setTimeout(() => {
      slot.restartTimer = null;
      this.#spawn(slot);
    }, delayMs);
  }
}
