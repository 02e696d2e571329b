import type { ObjectRef } from '../../ir/origin.ts';
import { Backoff, pause } from '../../lib/backoff.ts';
import { ApiError, errorMessage, isForbidden } from './client/api-error.ts';
import type { ApiClient } from './client/client.ts';
import { type ListResult, listAll } from './client/list.ts';
import type { KubeKind, KubeObject, Selection } from './client/object.ts';
import { type WatchEvent, watchOnce } from './client/watch.ts';
import { ReflectorStore } from './reflector-store.ts';

/** What is different since the last time. */
export interface ReflectorDelta {
  readonly upsert: readonly KubeObject[];
  readonly remove: readonly ObjectRef[];
}

export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly kind: KubeKind;
  readonly selection: Selection;
  /** The first call holds everything, and may be empty; later ones never are. What it throws is reported, no more. */
  readonly onDelta: (delta: ReflectorDelta) => void;
  /** Something failed; it is tried again after the pause. */
  readonly onFailure: (failure: ReflectorFailure) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface ReflectorFailure {
  readonly kind: string;
  readonly step: 'list' | 'watch' | 'read' | 'handler';
  readonly message: string;
  readonly retryInMs: number;
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** We have no right to it. */
  readonly forbidden: boolean;
}

export interface ReflectorTiming {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A watch without a byte for so long is dead. */
  readonly silenceMs: number;
  /** A watch that lived so long was a good one: the next failure is the first in a row. */
  readonly stableMs: number;
  /** A kind that was there is believed to be gone after so long. */
  readonly absentMs: number;
  /** The API server ends each watch after a random time in this range. */
  readonly watchSeconds: readonly [min: number, max: number];
}

const TIMING: ReflectorTiming = {
  backoffBaseMs: 250,
  backoffMaxMs: 30_000,
  silenceMs: 95_000,
  stableMs: 5_000,
  absentMs: 30_000,
  watchSeconds: [300, 600],
};

/** Answers in a row that refuse a watch, before its starting point is doubted and everything is listed. */
const REFUSALS_BEFORE_LIST = 5;

export interface ReflectorState {
  readonly kind: string;
  /** Everything was listed at least once. */
  readonly synced: boolean;
  /** Milliseconds of `performance.now()` when the API server last told anything, bookmarks included; null: never. */
  readonly lastEventAtMs: number | null;
  readonly objects: number;
  readonly failures: number;
  readonly lists: number;
  readonly watches: number;
}

/**
 * Keeps up with one kind, for ever. One of three things happens:
 *   no starting point   list everything, tell the difference, take its version for a starting point;
 *   a starting point    watch from there; each event moves it; when the API server ends the watch, watch again;
 *   a failure           pause, longer with each in a row; then the same again, or a list when the starting point is
 *                       forgotten (410), doubted (refused time and again), or what came could not be read.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #timing: ReflectorTiming;
  readonly #store: ReflectorStore;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Where to watch from; null: list first. */
  #version: string | null = null;
  #synced = false;
  #refusals = 0;
  #lastEventAtMs: number | null = null;
  #absentSinceMs: number | null = null;
  #lists = 0;
  #watches = 0;
  /** When the watch that runs was agreed to; null: none runs. */
  #openSinceMs: number | null = null;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#store = new ReflectorStore(options.kind);
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = this.#timing;
    this.#backoff = new Backoff({ baseMs, maxMs });
  }

  start(): void {
    this.#running = this.#run();
  }

  /** No call of a handler after it resolved. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  get state(): ReflectorState {
    return {
      kind: this.#options.kind.kind,
      synced: this.#synced,
      lastEventAtMs: this.#lastEventAtMs,
      objects: this.#store.size,
      failures: this.#stable() ? 0 : this.#backoff.failures,
      lists: this.#lists,
      watches: this.#watches,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const step = this.#version === null ? 'list' : 'watch';
      const startedAtMs = performance.now();
      const error = await (step === 'list' ? this.#list() : this.#watch(this.#version!)).then(
        () => null,
        (reason: unknown) => reason ?? new Error('failed'),
      );
      if (signal.aborted) return;
      const lived = step === 'watch' && performance.now() - startedAtMs >= this.#timing.stableMs;
      this.#openSinceMs = null;
      if (lived) {
        this.#backoff.reset();
        this.#refusals = 0;
      }
      if (error !== null) await this.#recover(step, error);
      // A watch that ends at once, again and again, is no better than one that fails.
      else if (step === 'watch' && !lived) await pause(this.#backoff.next(), signal);
    }
  }

  async #recover(step: 'list' | 'watch', error: unknown): Promise<void> {
    if (step === 'watch' && this.#mustList(error)) this.#version = null;
    const retryInMs = this.#backoff.next(error instanceof ApiError ? error.retryAfterMs : null);
    this.#report(step, error, retryInMs);
    await pause(retryInMs, this.#abort.signal);
  }

  #mustList(error: unknown): boolean {
    if (error instanceof SyntaxError || error instanceof InStreamError) return true;
    if (!(error instanceof ApiError)) return false;
    this.#refusals += 1;
    const transient = error.status === 429 || error.status === 401 || error.status >= 500;
    if (transient && this.#refusals < REFUSALS_BEFORE_LIST) return false;
    this.#refusals = 0;
    return true;
  }

  async #list(): Promise<void> {
    const { client, kind, selection } = this.#options;
    this.#lists += 1;
    const result = await listAll(client, kind, selection, this.#abort.signal).catch((error: unknown) =>
      this.#absentKind(error),
    );
    this.#lastEventAtMs = performance.now();
    const delta = this.#store.replace(result.objects);
    const first = !this.#synced;
    this.#synced = true;
    this.#version = result.resourceVersion === '' ? null : result.resourceVersion;
    if (first || delta.upsert.length > 0 || delta.remove.length > 0) this.#tell(delta);
    if (this.#version === null) throw new ApiError(404, 'NotFound', `the kind ${kind.kind} is not installed`);
    this.#absentSinceMs = null;
  }

  /** A CustomResourceDefinition may be installed later, or the API server has not read it yet after its own start. */
  #absentKind(error: unknown): ListResult {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    this.#absentSinceMs ??= performance.now();
    const gone = performance.now() - this.#absentSinceMs >= this.#timing.absentMs;
    if (this.#store.size > 0 && !gone) throw error;
    return { objects: [], resourceVersion: '' };
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client, kind, selection } = this.#options;
    const [min, max] = this.#timing.watchSeconds;
    this.#watches += 1;
    let opened = false;
    try {
      await watchOnce(client, kind, selection, {
        resourceVersion,
        timeoutSeconds: Math.round(min + Math.random() * (max - min)),
        silenceMs: this.#timing.silenceMs,
        signal: this.#abort.signal,
        onOpen: () => {
          opened = true;
          this.#openSinceMs = performance.now();
        },
        onEvents: (events) => this.#take(events),
      });
    } catch (error) {
      throw opened && error instanceof ApiError ? new InStreamError(error) : error;
    }
  }

  /** Whether a watch runs well: what failed before it is over. */
  #stable(): boolean {
    return this.#openSinceMs !== null && performance.now() - this.#openSinceMs >= this.#timing.stableMs;
  }

  #take(events: readonly WatchEvent[]): void {
    if (this.#abort.signal.aborted) return;
    this.#lastEventAtMs = performance.now();
    const delta = this.#store.apply(events);
    this.#version = events.at(-1)?.object.metadata.resourceVersion ?? this.#version;
    if (delta.upsert.length > 0 || delta.remove.length > 0) this.#tell(delta);
  }

  #tell(delta: ReflectorDelta): void {
    try {
      this.#options.onDelta(delta);
    } catch (error) {
      this.#report('handler', error, 0);
    }
  }

  #report(step: ReflectorFailure['step'], error: unknown, retryInMs: number): void {
    const { kind, onFailure } = this.#options;
    try {
      const failures = this.#backoff.failures;
      const forbidden = isForbidden(error);
      onFailure({ kind: kind.kind, step, message: errorMessage(error), retryInMs, failures, forbidden });
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** An ERROR within a watch: whatever its code, the stream can't be trusted to be whole. */
class InStreamError extends ApiError {
  constructor({ status, reason, message, retryAfterMs }: ApiError) {
    super(status, reason, message, retryAfterMs);
    this.name = 'InStreamError';
  }
}
