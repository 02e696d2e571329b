import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Backoff, pause } from '../../lib/backoff.ts';
import type { ControlLog } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import { connectAny, type OpenStream, type Resolve, resolveHost, type StreamTarget } from './connect.ts';
import { encodeLine, LineReader } from './lines.ts';
import {
  type ControllerMessage,
  type DataPlaneMessage,
  StreamFault,
  type StreamTiming,
  TIMING,
} from './protocol.ts';
import { Receiver } from './receiver.ts';

export interface FollowerOptions {
  readonly publisher: Publisher;
  /** Read for each connection. */
  readonly target: () => Promise<Omit<StreamTarget, 'instance' | 'from'>>;
  /** The threads were told something new. */
  readonly onPublished: (what: 'routes' | 'endpoints') => void;
  readonly log: ControlLog;
  readonly resolve?: Resolve;
  readonly timing?: StreamTiming;
  /** Longest line that is taken; a route with all its rules is one. */
  readonly maxLineBytes?: number;
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** An address has so long to answer. */
  readonly connectMs?: number;
}

export interface FollowerState {
  readonly connected: boolean;
  /** Connections that failed or broke since the last that told anything. */
  readonly failures: number;
  /** When the controller told anything last, in milliseconds of `performance.now()`; null: never. */
  readonly heardAtMs: number | null;
  /** The controller's last generation that all our threads serve; 0: none yet. */
  readonly generation: number;
  /** What the last failure was; null: none since the stream runs. */
  readonly problem: string | null;
}

const MAX_LINE_BYTES = 32 * 1024 * 1024;
const BACKOFF = { baseMs: 200, maxMs: 10_000 };
const CONNECT_MS = 3_000;
const MAX_FAILURES_TOLD = 100;

/**
 * Follows a controller's tables, for good. It is in one of three states:
 *   connecting   every address of the name is asked;
 *   following    messages are taken and published, until the stream ends, breaks, is silent or at fault;
 *   pausing      longer after each failure; the threads serve what they have.
 */
export class TableFollower {
  readonly #options: FollowerOptions;
  readonly #timing: StreamTiming;
  readonly #receiver: Receiver;
  readonly #backoff: Backoff;
  readonly #instance = randomUUID();
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #socket: Duplex | null = null;
  #heardAtMs: number | null = null;
  #problem: string | null = null;
  /** The last generation that was published: the controller's number and ours. */
  #latest = { generation: 0, own: 0 };
  #acknowledged = 0;
  #acknowledging = false;
  readonly #synced = Promise.withResolvers<void>();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF);
    this.#receiver = new Receiver(options.publisher, {
      published: options.onPublished,
      reached: (generation, own) => {
        this.#latest = { generation, own };
        this.#synced.resolve();
        void this.#acknowledge();
      },
    });
  }

  /** Resolves when a controller has told a first full state, and it is published. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get state(): FollowerState {
    return {
      connected: this.#socket !== null,
      failures: this.#backoff.failures,
      heardAtMs: this.#heardAtMs,
      generation: this.#acknowledged,
      problem: this.#problem,
    };
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Says that we leave, and ends. What is published stays so. */
  async stop(): Promise<void> {
    this.#tell({ type: 'leaving' });
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      let problem: string | null;
      try {
        const stream = await this.#connect();
        problem = await this.#followStream(stream);
      } catch (error) {
        problem = (error as Error).message;
      }
      if (signal.aborted) return;
      // A controller that said good-bye is no failure: another replica may be there at once.
      const retryInMs = problem === null ? 0 : this.#backoff.next();
      if (problem !== null) this.#report(problem, retryInMs);
      await pause(retryInMs, signal);
    }
  }

  async #connect(): Promise<OpenStream> {
    const { target, resolve = resolveHost, connectMs = CONNECT_MS } = this.#options;
    const asked = { ...(await target()), instance: this.#instance, from: this.#receiver.position };
    return connectAny(asked, resolve, connectMs, this.#abort.signal);
  }

  /** @returns why it ended; null when the controller said good-bye */
  async #followStream({ socket, first, address }: OpenStream): Promise<string | null> {
    const { log, maxLineBytes = MAX_LINE_BYTES } = this.#options;
    const reader = new LineReader(maxLineBytes);
    const { promise: ended, resolve: end } = Promise.withResolvers<string | null>();
    let heardAtMs = performance.now();
    const receive = (chunk: Buffer): void => {
      heardAtMs = performance.now();
      try {
        for (const message of reader.read(chunk)) {
          this.#take(message as ControllerMessage);
          if ((message as ControllerMessage).type === 'bye') end(null);
        }
      } catch (error) {
        this.#receiver.forgetPosition();
        end(faultOf(error as Error));
        socket.destroy();
      }
    };
    const leave = (): void => void socket.end(() => end('we leave'));
    const watch = setInterval(() => {
      const silentMs = performance.now() - heardAtMs;
      if (silentMs > this.#timing.silenceMs) end(`nothing came for ${Math.round(silentMs)} ms`);
      else this.#tell({ type: 'beat' });
    }, this.#timing.beatMs);
    this.#abort.signal.addEventListener('abort', leave, { once: true });
    this.#socket = socket;
    this.#receiver.begin();
    socket.on('error', (error: Error) => end(error.message));
    socket.on('close', () => end('the stream broke off'));
    socket.on('data', receive);
    if (first.length > 0) receive(first);
    log.info({ event: 'controllerFound', address }, 'following a controller');
    if (this.#latest.own > 0) this.#tellAcknowledged();
    const problem = await ended;
    this.#socket = null;
    clearInterval(watch);
    this.#abort.signal.removeEventListener('abort', leave);
    if (!this.#abort.signal.aborted) socket.destroy();
    return problem;
  }

  #take(message: ControllerMessage): void {
    this.#receiver.take(message);
    this.#heardAtMs = performance.now();
    // Only what moves us on is a success: a controller that breaks off after its hello is come back to ever more slowly.
    if (message.type === 'hello' || message.type === 'full') return;
    this.#backoff.reset();
    this.#problem = null;
  }

  /** The last generation is enough: who serves it serves what was before. */
  async #acknowledge(): Promise<void> {
    if (this.#acknowledging) return;
    this.#acknowledging = true;
    for (let told = { generation: 0, own: 0 }; told !== this.#latest; ) {
      told = this.#latest;
      await this.#options.publisher.programmed(told.own);
      this.#acknowledged = told.generation;
      this.#tellAcknowledged();
    }
    this.#acknowledging = false;
  }

  #tellAcknowledged(): void {
    const failures = this.#options.publisher.threads().flatMap((thread) => thread.failures);
    this.#tell({
      type: 'ack',
      generation: this.#acknowledged,
      failures: failures.slice(0, MAX_FAILURES_TOLD),
    });
  }

  #tell(message: DataPlaneMessage): void {
    // A controller that does not read is told later, by the next acknowledgement.
    if (this.#socket !== null && !this.#socket.writableNeedDrain && this.#socket.writable)
      this.#socket.write(encodeLine(message));
  }

  #report(problem: string, retryInMs: number): void {
    const { failures } = this.#backoff;
    const known = this.#problem;
    this.#problem = problem;
    // A controller that is away for an hour is one story.
    if (known === problem && failures % 20 !== 0) return;
    const fields = { event: 'controllerAway', error: problem, failures, retryInMs: Math.round(retryInMs) };
    const rest =
      this.#options.publisher.generation > 0 ? 'what was told last is served' : 'nothing to serve yet';
    this.#options.log.warn(fields, `no controller to follow; ${rest}`);
  }
}

function faultOf(error: Error): string {
  return error instanceof StreamFault ? error.message : `what it says can't be taken: ${error.message}`;
}
