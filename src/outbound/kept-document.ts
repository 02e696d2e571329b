import { Backoff } from '../lib/backoff.ts';
import type { OutboundClient } from './client.ts';
import { OutboundFailure } from './failure.ts';
import { freshForMs } from './freshness.ts';

export interface DocumentOptions<T> {
  readonly client: OutboundClient;
  readonly url: URL;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** It is fetched again when `Cache-Control` says so, but after this at the earliest … */
  readonly minAgeMs: number;
  /** … and after this at the latest. */
  readonly maxAgeMs: number;
  /** Where `Cache-Control` says nothing. */
  readonly defaultAgeMs: number;
  /**
   * What is kept of it.
   * @throws Error when it is not what it should be: the last good one stays
   */
  readonly parse: (body: Buffer) => T;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

/** Pauses after failures. */
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
/** What is asked for out of turn is fetched once in this time, whoever asks. */
const REFETCH_MS = 10_000;

/**
 * A document of a provider that requests need, such as its keys. It is fetched at once and again in time, off the path of
 * requests; while the provider fails in whatever way, the last good one is kept.
 */
export class KeptDocument<T> {
  readonly #options: DocumentOptions<T>;
  readonly #backoff = new Backoff(RETRY);
  readonly #listeners = new Set<() => void>();
  readonly #gone = new AbortController();
  #value: T | null = null;
  #bytes: Buffer | null = null;
  #failing = false;
  #underWay: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #refetchedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: DocumentOptions<T>) {
    this.#options = options;
    void this.#fetch();
  }

  /** Null until it was fetched for the first time. */
  get value(): T | null {
    return this.#value;
  }

  /** The fetch that is under way, which never rejects; null when there is none. */
  get pending(): Promise<void> | null {
    return this.#underWay;
  }

  /**
   * Fetches it out of turn, for it lacks what it should have. Null when that was done a moment ago: whoever sends bad
   * requests can't make us send many.
   */
  refetch(): Promise<void> | null {
    if (this.#underWay !== null) return this.#underWay;
    const nowMs = performance.now();
    if (nowMs - this.#refetchedAtMs < REFETCH_MS) return null;
    this.#refetchedAtMs = nowMs;
    return this.#fetch();
  }

  /** @returns what ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#gone.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #fetch(): Promise<void> {
    this.#underWay ??= this.#fetchOnce().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #fetchOnce(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    let pauseMs: number;
    try {
      pauseMs = await this.#load();
      this.#backoff.reset();
      if (this.#failing) this.#tell('info', 'it is there again');
      this.#failing = false;
    } catch (error) {
      pauseMs = this.#backoff.next();
      if (!this.#failing && !this.#gone.signal.aborted) this.#tell('warn', this.#complaint(error));
      this.#failing = true;
    }
    if (this.#gone.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#fetch(), pauseMs);
    this.#timer.unref();
  }

  /** @returns when to fetch it again, in milliseconds */
  async #load(): Promise<number> {
    const { client, url, timeoutMs, maxBytes, parse, ...ages } = this.#options;
    const answer = await client.call({
      ...{ url, timeoutMs, maxBytes, method: 'GET', body: null, signal: this.#gone.signal },
      headers: { accept: 'application/json' },
    });
    if (answer.status !== 200) throw new OutboundFailure('failed', `the answer has status ${answer.status}`);
    const pauseMs = freshForMs(answer.headerLines('cache-control').join(','), ages);
    if (this.#bytes?.equals(answer.body) === true) return pauseMs;
    this.#value = parse(answer.body);
    this.#bytes = answer.body;
    for (const listener of this.#listeners) listener();
    return pauseMs;
  }

  #complaint(error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    const effect = this.#value === null ? 'there is none yet' : 'the last one that came is kept';
    return `cannot be fetched: ${why}; ${effect}`;
  }

  #tell(level: 'info' | 'warn', message: string): void {
    const { origin, pathname } = this.#options.url;
    this.#options.log(level, `${origin}${pathname}: ${message}`);
  }
}
