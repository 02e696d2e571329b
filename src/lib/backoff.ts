import { setTimeout as sleep } from 'node:timers/promises';

export interface BackoffLimits {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Pauses that double with each failure in a row, half of each random, so that replicas don't come back in step. */
export class Backoff {
  readonly #limits: BackoffLimits;
  #failures = 0;

  constructor(limits: BackoffLimits) {
    this.#limits = limits;
  }

  get failures(): number {
    return this.#failures;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** The next pause in milliseconds; never shorter than what the other side asked for. */
  next(retryAfterMs: number | null = null): number {
    const { baseMs, maxMs } = this.#limits;
    const fullMs = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const jittered = fullMs / 2 + Math.random() * (fullMs / 2);
    return retryAfterMs === null ? jittered : Math.max(jittered, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  }
}

/** A server that says "in an hour" is asked again before. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Resolves after the pause, or at once when the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
