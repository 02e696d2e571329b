import { hash } from 'node:crypto';
import { Backoff, pause } from '../../../lib/backoff.ts';
import { ApiError, errorMessage } from '../client/api-error.ts';
import { type ApiClient, isConflict } from '../client/client.ts';
import { pathOf } from '../client/object.ts';
import { TokenBucket } from '../client/token-bucket.ts';
import { KINDS } from '../kinds.ts';
import type { ObservedObject, ObservedStatus } from '../observed-status.ts';
import type { EventWriter } from './events.ts';
import { conditionsIn, type MergedConditions, mergeConditions, type WantedCondition } from './merge.ts';

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly observed: ObservedStatus;
  readonly fieldManager: string;
  /** Asked before each write. */
  readonly mayWrite: () => boolean;
  readonly events: EventWriter;
  readonly onFailure: (key: string, message: string) => void;
}

/** What an object's status shall be. */
interface Wanted {
  /** The version of the object that it speaks of; once there is another, it is of no use. */
  readonly version: string;
  readonly conditions: readonly WantedCondition[];
}

/** What was last written to an object. */
interface Written {
  readonly digest: string;
  /** How often the same had to be written again, because someone else had changed it. */
  readonly rewrites: number;
  readonly atMs: number;
}

const PER_SECOND = 50;
const BURST = 100;
const AT_ONCE = 4;
const TRIES = 4;
/** Against a writer that wants something else: 1 s, 2 s, 4 s … between two of our writes. */
const REWRITE_BASE_MS = 1_000;
const REWRITE_MAX_MS = 600_000;

/**
 * Writes statuses with server-side apply, a limited number a second. Of what waits only the newest of each object is
 * kept, and it is compared with what the API server has before anything is sent.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #bucket = new TokenBucket(PER_SECOND, BURST);
  readonly #queue = new Map<string, Wanted>();
  readonly #inFlight = new Set<string>();
  readonly #written = new Map<string, Written>();
  readonly #held = new Map<string, NodeJS.Timeout>();
  readonly #abort = new AbortController();
  #running = 0;
  #writes = 0;
  #idle: (() => void) | null = null;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Statuses written so far. */
  get writes(): number {
    return this.#writes;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** In place of what waits for this object. */
  set(key: string, version: string, conditions: readonly WantedCondition[]): void {
    if (this.#abort.signal.aborted) return;
    this.#queue.set(key, { version, conditions });
    while (this.#running < Math.min(AT_ONCE, this.#queue.size)) void this.#work();
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#queue.delete(key);
    this.#written.delete(key);
    clearTimeout(this.#held.get(key));
    this.#held.delete(key);
  }

  /** What waits is dropped, what is being sent is finished or cut off. */
  async stop(): Promise<void> {
    this.#queue.clear();
    for (const timer of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    this.#abort.abort();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }

  async #work(): Promise<void> {
    this.#running += 1;
    const { signal } = this.#abort;
    for (let next = this.#next(); next !== null && !signal.aborted; next = this.#next()) {
      const [key, wanted] = next;
      this.#inFlight.add(key);
      try {
        await this.#write(key, wanted);
      } catch (error) {
        if (!signal.aborted) this.#options.onFailure(key, errorMessage(error));
      } finally {
        this.#inFlight.delete(key);
      }
    }
    this.#running -= 1;
    if (this.#running === 0) this.#idle?.();
  }

  /** The first that nobody is writing. */
  #next(): [key: string, wanted: Wanted] | null {
    if (!this.#options.mayWrite()) this.#queue.clear();
    for (const [key, wanted] of this.#queue) {
      if (this.#inFlight.has(key)) continue;
      this.#queue.delete(key);
      return [key, wanted];
    }
    return null;
  }

  async #write(key: string, wanted: Wanted): Promise<void> {
    const { signal } = this.#abort;
    const backoff = new Backoff({ baseMs: 200, maxMs: 5_000 });
    for (let attempt = 1; ; attempt += 1) {
      const object = this.#options.observed.get(key);
      // Something newer waits, or is about to: this one says nothing any more.
      if (object === undefined || object.version !== wanted.version || this.#queue.has(key)) return;
      const merged = mergeConditions(
        conditionsIn(object.status),
        wanted.conditions,
        object.generation,
        new Date(),
      );
      if (!merged.changed || this.#hold(key, wanted)) return;
      for (let waitMs = this.#bucket.take(); waitMs > 0; waitMs = this.#bucket.take())
        await pause(waitMs, signal);
      if (signal.aborted || !this.#options.mayWrite()) return;
      try {
        await this.#send(key, object, merged, wanted);
        return;
      } catch (error) {
        if (signal.aborted || (error instanceof ApiError && error.status === 404)) return;
        if (attempt === TRIES || !isTransient(error)) throw error;
        await pause(backoff.next(error instanceof ApiError ? error.retryAfterMs : null), signal);
      }
    }
  }

  async #send(key: string, object: ObservedObject, merged: MergedConditions, wanted: Wanted): Promise<void> {
    const { client, fieldManager, observed, events } = this.#options;
    const { ref, uid } = object;
    const { apiVersion, kind } = KINDS[ref.kind];
    const answer = await client.json<{ readonly status?: unknown }>({
      method: 'PATCH',
      path: pathOf(KINDS[ref.kind], ref.namespace, ref.name, 'status'),
      query: { fieldManager, force: true },
      contentType: 'application/apply-patch+yaml',
      // The uid: an object deleted and made again under this name is another one (409).
      body: {
        ...{ apiVersion, kind, metadata: { name: ref.name, namespace: ref.namespace, uid } },
        status: { conditions: merged.conditions },
      },
      signal: this.#abort.signal,
    });
    this.#writes += 1;
    const digest = digestOf(wanted);
    const last = this.#written.get(key);
    const rewrites = last?.digest === digest ? last.rewrites + 1 : 0;
    this.#written.set(key, { digest, rewrites, atMs: performance.now() });
    observed.wrote(key, uid, answer.status ?? null);
    for (const condition of merged.transitions) events.emit(object, condition);
  }

  /** Someone else undoes what we write: let the two of us not fight at full speed. */
  #hold(key: string, wanted: Wanted): boolean {
    const last = this.#written.get(key);
    if (last === undefined || last.digest !== digestOf(wanted)) return false;
    const holdMs = Math.min(REWRITE_MAX_MS, REWRITE_BASE_MS * 2 ** Math.min(last.rewrites, 20));
    const leftMs = last.atMs + holdMs - performance.now();
    if (leftMs <= 0) return false;
    clearTimeout(this.#held.get(key));
    const again = (): void => {
      this.#held.delete(key);
      if (!this.#queue.has(key)) this.set(key, wanted.version, wanted.conditions);
    };
    this.#held.set(key, setTimeout(again, leftMs).unref());
    return true;
  }
}

function digestOf({ version, conditions }: Wanted): string {
  return hash('sha1', JSON.stringify([version, conditions]), 'base64url');
}

/** Whether the same write may succeed later; what is refused for what it is, never will. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return true;
  return isConflict(error) || error.status === 429 || error.status >= 500;
}
