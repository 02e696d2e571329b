import type { EndpointsIr } from '../ir/cluster.ts';
import { type IrDelta, NO_CHANGE } from '../ir/gateway.ts';
import type { BindFailure, ControlMessage, ThreadMessage } from '../ir/messages.ts';
import { describeOrigin } from '../ir/origin.ts';
import type { ControlLog } from './log.ts';
import { PublishedState } from './published.ts';
import type { ThreadPool } from './threads.ts';

/** A data-plane thread could not listen. */
export class ListenError extends Error {
  readonly listener: string;

  constructor(listener: string, message: string) {
    super(message);
    this.name = 'ListenError';
    this.listener = listener;
  }
}

export interface ListeningPort {
  readonly listener: string;
  readonly port: number;
}

/** Where one thread stands. */
export interface ThreadStatus {
  readonly threadId: number;
  readonly running: boolean;
  readonly listening: boolean;
  /** Last generation that it serves; null before the first. */
  readonly generation: number | null;
  /** Rules of that generation that it could not bind: they answer 500. */
  readonly failures: readonly BindFailure[];
  readonly restarts: number;
}

/** What the threads are told of the configuration. */
export type Publication = Extract<ControlMessage, { readonly type: 'apply' | 'endpoints' }>;

interface ThreadRecord {
  generation: number | null;
  failures: readonly BindFailure[];
  listening: boolean;
  drained: boolean;
}

interface Waiter {
  readonly done: () => boolean;
  readonly resolve: () => void;
}

/**
 * Tells every thread what to do, in generations, and keeps who has done it. `started`, `lost` and `message` are for the
 * events of its thread pool.
 */
export class Publisher {
  readonly state = new PublishedState();
  /** Resolves with the first generation. */
  readonly published: Promise<void>;
  readonly #firstPublished: () => void;
  readonly #pool: ThreadPool;
  readonly #log: ControlLog;
  readonly #threads: ThreadRecord[];
  #waiters: Waiter[] = [];
  #generation = 0;
  /** Parts of the next generation have been told. */
  #staged = false;
  #listenAsked = false;
  #ports: readonly ListeningPort[] = [];
  #listenFailure: ((error: ListenError) => void) | null = null;
  #aborted = 0;
  #follower: ((publication: Publication) => void) | null = null;

  constructor(pool: ThreadPool, log: ControlLog) {
    const first = Promise.withResolvers<void>();
    this.published = first.promise;
    this.#firstPublished = first.resolve;
    this.#pool = pool;
    this.#log = log;
    this.#threads = Array.from({ length: pool.count }, () => newRecord());
  }

  /** The last generation that was published; 0: none yet. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether there is a thread. */
  get attended(): boolean {
    return this.#threads.length > 0;
  }

  /** The last generation that every thread serves; 0: none yet. Without threads there is nothing to wait for. */
  get applied(): number {
    return this.#threads.length === 0
      ? this.#generation
      : Math.min(...this.#threads.map((record) => record.generation ?? 0));
  }

  threads(): readonly ThreadStatus[] {
    const restarts = this.#pool.restarts();
    return this.#threads.map((record, threadId) => ({
      threadId,
      running: this.#pool.isRunning(threadId),
      listening: record.listening,
      generation: record.generation,
      failures: record.failures,
      restarts: restarts[threadId] ?? 0,
    }));
  }

  /** Is told everything that is published from now on, in its order, when it is part of `state`. */
  follow(follower: (publication: Publication) => void): void {
    this.#follower = follower;
  }

  /**
   * A part of the first generation, which only adds: threads compile it while the next part is made. The last part is
   * published, and all of them must come in one turn of the event loop: a thread that starts in between would miss some.
   */
  stage(delta: IrDelta, endpoints: readonly EndpointsIr[]): void {
    this.state.apply(delta, endpoints);
    this.#staged = true;
    this.#pool.post({ type: 'stage', delta, endpoints });
  }

  /** A new generation. Returns its number. */
  publish(delta: IrDelta, endpoints: readonly EndpointsIr[]): number {
    this.state.apply(delta, endpoints);
    this.#generation += 1;
    const publication: Publication = { type: 'apply', generation: this.#generation, delta, endpoints };
    this.#pool.post(publication);
    this.#follower?.(this.#staged ? this.#fullState() : publication);
    this.#staged = false;
    this.#firstPublished();
    return this.#generation;
  }

  /** Endpoints only: no generation, no acknowledgement. */
  publishEndpoints(endpoints: readonly EndpointsIr[]): void {
    this.state.apply(NO_CHANGE, endpoints);
    if (this.#generation === 0) return;
    this.#pool.post({ type: 'endpoints', endpoints });
    this.#follower?.({ type: 'endpoints', endpoints });
  }

  /** Resolves when every thread has acknowledged that generation or a later one. */
  programmed(generation: number): Promise<void> {
    return this.#until(() => this.applied >= generation);
  }

  /**
   * Lets every thread listen; later ones do so on their own start.
   * @throws ListenError when one of them cannot.
   */
  async listen(): Promise<readonly ListeningPort[]> {
    this.#listenAsked = true;
    const failed = new Promise<never>((_, reject) => {
      this.#listenFailure = reject;
    });
    this.#pool.post({ type: 'listen' });
    await Promise.race([this.#until(() => this.#threads.every((one) => one.listening)), failed]);
    this.#listenFailure = null;
    return this.#ports;
  }

  /**
   * No new connections; running requests have `timeoutMs` to end.
   * @returns how many were cut off.
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#pool.beginStop();
    this.#pool.post({ type: 'drain', timeoutMs });
    await this.#until(() => this.#threads.every((one, id) => one.drained || !this.#pool.isRunning(id)));
    return this.#aborted;
  }

  started(threadId: number): void {
    this.#threads[threadId] = newRecord();
    if (this.#generation === 0) return;
    this.#pool.postTo(threadId, this.#fullState());
    if (this.#listenAsked) this.#pool.postTo(threadId, { type: 'listen' });
  }

  lost(threadId: number): void {
    this.#threads[threadId] = newRecord();
    this.#check();
  }

  message(threadId: number, message: ThreadMessage): void {
    const record = this.#threads[threadId]!;
    switch (message.type) {
      case 'ack':
        record.generation = message.generation;
        this.#logNewFailures(record.failures, message.failures);
        record.failures = message.failures;
        break;
      case 'listening':
        record.listening = true;
        this.#ports = message.ports;
        break;
      case 'listenFailed':
        this.#log.error(
          { thread: threadId, listener: message.listener, error: message.message },
          'cannot listen',
        );
        this.#listenFailure?.(new ListenError(message.listener, message.message));
        break;
      case 'log':
        this.#log[message.level]({ thread: threadId }, message.message);
        break;
      case 'drained':
        record.drained = true;
        this.#aborted += message.aborted;
        break;
    }
    this.#check();
  }

  #fullState(): Publication {
    return {
      type: 'apply',
      generation: this.#generation,
      delta: this.state.asDelta(),
      endpoints: this.state.endpoints,
    };
  }

  #logNewFailures(before: readonly BindFailure[], now: readonly BindFailure[]): void {
    const known = new Set(before.map(describeFailure));
    for (const failure of now) {
      const where = describeFailure(failure);
      if (!known.has(where)) this.#log.error({ event: 'ruleClosed', object: failure.objectKey }, where);
    }
  }

  #until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ done, resolve });
    });
  }

  #check(): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => !waiter.done());
    for (const waiter of waiting) if (!this.#waiters.includes(waiter)) waiter.resolve();
  }
}

function describeFailure({ origin, message }: BindFailure): string {
  return `${describeOrigin(origin)}: error: ${message}`;
}

function newRecord(): ThreadRecord {
  return { generation: null, failures: [], listening: false, drained: false };
}
