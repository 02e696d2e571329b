import { Worker } from 'node:worker_threads';
import type { EvaluationJob, EvaluationResult } from './jsonata-thread.ts';

const ENTRY = new URL('./jsonata-thread.ts', import.meta.url);
const THREADS = 2;
const MAX_HEAP_MB = 64;
const MAX_STACK_MB = 4;
/** More at once are refused. */
const MAX_WAITING = 256;
/** How long one may wait for a thread that is free, also one that has to be started. */
const MAX_WAIT_MS = 5000;
/** A thread that could not even begin is not begun again at once. */
const RESTART_MS = 1000;

/** What goes to a thread, and for how long it may run there. */
export interface Evaluation extends Omit<EvaluationJob, 'id'> {
  readonly timeoutMs: number;
}

interface Waiting {
  readonly evaluation: Evaluation;
  readonly settle: (result: string | Error) => void;
  timer: NodeJS.Timeout;
}

/**
 * Evaluates expressions in threads of their own. An expression that runs for ever, or takes all memory, ends with its thread; another
 * thread takes the place, and no request but its own is answered later for it.
 */
export class JsonataPool {
  readonly #seats: Seat[] = Array.from({ length: THREADS }, () => new Seat(() => this.#next()));
  readonly #waiting: Waiting[] = [];
  #users = 0;

  /** As many times as `leave`: threads run while somebody may have work for them. */
  enter(): void {
    if (this.#users++ === 0) for (const seat of this.#seats) seat.open();
  }

  leave(): void {
    if (--this.#users > 0) return;
    for (const { timer, settle } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      settle(new Error('the rule was closed'));
    }
    for (const seat of this.#seats) seat.close();
  }

  /** @throws Error when it fails, runs for too long or takes too much; its message quotes no data */
  evaluate(evaluation: Evaluation): Promise<string> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new Error('too many evaluations wait'));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        evaluation,
        settle: (result) => (typeof result === 'string' ? resolve(result) : reject(result)),
        timer: setTimeout(() => this.#giveUp(waiting), MAX_WAIT_MS),
      };
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    for (const seat of this.#seats) {
      if (!seat.free) continue;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      clearTimeout(next.timer);
      seat.run(next.evaluation, next.settle);
    }
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    waiting.settle(new Error('no thread was free in time'));
  }
}

/** The place of one thread; when the thread is ended another one takes it. */
class Seat {
  readonly #onFree: () => void;
  #worker: Worker | null = null;
  #ready = false;
  #running: {
    readonly id: number;
    readonly settle: Waiting['settle'];
    readonly timer: NodeJS.Timeout;
  } | null = null;
  #lastId = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  get free(): boolean {
    return this.#ready && this.#running === null;
  }

  open(): void {
    const worker = new Worker(ENTRY, {
      // Those of the program may not fit a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, stackSizeMb: MAX_STACK_MB },
    });
    this.#worker = worker;
    worker.on('message', (message: EvaluationResult | 'ready') => {
      if (worker === this.#worker) this.#onMessage(message);
    });
    worker.on('error', (error: Error) => {
      if (worker !== this.#worker) return;
      const isMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#renew(isMemory ? 'it takes too much memory' : 'its thread failed');
    });
    // A program that is done need not wait for it.
    worker.unref();
  }

  run({ timeoutMs, ...job }: Evaluation, settle: Waiting['settle']): void {
    const id = ++this.#lastId;
    const timer = setTimeout(() => this.#renew(`it took longer than ${timeoutMs} ms`), timeoutMs);
    this.#running = { id, settle, timer };
    this.#worker!.postMessage({ id, ...job } satisfies EvaluationJob);
  }

  close(): void {
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = null;
    this.#ready = false;
    this.#settle(new Error('the rule was closed'));
    void worker?.terminate();
  }

  #onMessage(message: EvaluationResult | 'ready'): void {
    if (message === 'ready') this.#ready = true;
    else if (message.id === this.#running?.id) {
      this.#settle('json' in message ? message.json : new Error(message.error));
    }
    this.#onFree();
  }

  #renew(why: string): void {
    const [worker, hadBegun] = [this.#worker, this.#ready];
    this.#worker = null;
    this.#ready = false;
    if (hadBegun) this.open();
    else this.#restart = setTimeout(() => this.open(), RESTART_MS).unref();
    void worker?.terminate();
    this.#settle(new Error(why));
  }

  #settle(result: string | Error): void {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    clearTimeout(running.timer);
    running.settle(result);
  }
}

/** All rules of one data-plane thread share it. */
export const jsonataPool = new JsonataPool();
