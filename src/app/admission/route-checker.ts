import { Worker } from 'node:worker_threads';
import type { TranslateOptions } from '../../translate/options.ts';
import type { RouteCheckJob, RouteCheckResult } from './check-route.ts';
import type { CheckThreadStart } from './check-thread.ts';

interface Waiting {
  readonly job: RouteCheckJob;
  readonly signal: AbortSignal;
  readonly settle: (result: RouteCheckResult | Error) => void;
}

const ENTRY = new URL('./check-thread.ts', import.meta.url);
/** More at once are not checked. */
const MAX_WAITING = 64;
const MAX_HEAP_MB = 128;

/**
 * Checks routes one after the other in a thread of its own: thousands of regular expressions take minutes to compile, and
 * neither the control thread nor the next review may wait for them. A check that is given up ends with its thread.
 */
export class RouteChecker {
  readonly #start: CheckThreadStart;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #running: Waiting | null = null;

  constructor({ catalogue: _, ...start }: TranslateOptions) {
    this.#start = start;
  }

  /** Starts the thread ahead of the first check. */
  warm(): void {
    this.#worker ??= this.#startWorker();
  }

  /** @throws Error when the signal gives it up, or too many others wait. */
  check(job: RouteCheckJob, signal: AbortSignal): Promise<RouteCheckResult> {
    if (signal.aborted) return Promise.reject(new Error('the check was given up'));
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new Error('too many checks wait'));
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#giveUp(waiting);
      const settle = (result: RouteCheckResult | Error): void => {
        signal.removeEventListener('abort', giveUp);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const waiting: Waiting = { job, signal, settle };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  /** Ends the thread; what is not checked yet is rejected. */
  async close(): Promise<void> {
    for (const { settle } of this.#waiting.splice(0)) settle(new Error('the gateway ends'));
    await this.#drop(new Error('the gateway ends'));
  }

  #next(): void {
    if (this.#running !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running = next;
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(next.job);
  }

  #startWorker(): Worker {
    const worker = new Worker(ENTRY, {
      workerData: this.#start,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    // It holds up no one who wants to end.
    worker.unref();
    worker.on('message', (result: RouteCheckResult) => {
      if (worker !== this.#worker) return;
      const done = this.#running;
      this.#running = null;
      done?.settle(result);
      this.#next();
    });
    // Out of memory, or a fault of the program: the next check gets a new thread.
    worker.on('error', (error) => {
      if (worker !== this.#worker) return;
      void this.#drop(error instanceof Error ? error : new Error(String(error)));
      this.#next();
    });
    return worker;
  }

  #giveUp(waiting: Waiting): void {
    const error = new Error('the check was given up');
    const index = this.#waiting.indexOf(waiting);
    if (index !== -1) this.#waiting.splice(index, 1)[0]?.settle(error);
    if (this.#running !== waiting) return;
    void this.#drop(error);
    this.#next();
  }

  async #drop(error: Error): Promise<void> {
    const [worker, running] = [this.#worker, this.#running];
    this.#worker = null;
    this.#running = null;
    running?.settle(error);
    await worker?.terminate();
  }
}
