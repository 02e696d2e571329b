import { performance } from 'node:perf_hooks';

/**
 * One clock for all threads: milliseconds since the program's memory was made, never backwards. `performance.now()` starts
 * anew in every thread, but both it and `process.hrtime` read the machine's monotonic clock, so their difference is fixed.
 */
export class SharedClock {
  readonly #offsetMs: number;
  /** Unix milliseconds at 0 of this clock. A later step of the system's clock does not move windows. */
  readonly epochMs: number;

  constructor(startedAtMs: number, epochMs: number) {
    this.#offsetMs = monotonicOffsetMs() - startedAtMs;
    this.epochMs = epochMs;
  }

  nowMs(): number {
    return performance.now() + this.#offsetMs;
  }
}

/** What to add to `performance.now()` for the time of the machine's monotonic clock. */
function monotonicOffsetMs(): number {
  // The thread may lose its core between the two readings; the smallest of some differences has the least of that.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const before = performance.now();
    const [seconds, nanos] = process.hrtime();
    least = Math.min(least, seconds * 1000 + nanos / 1e6 - before);
  }
  return least;
}

/** Where a new shared clock begins: the machine's monotonic clock, in milliseconds. */
export function monotonicMs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1000 + nanos / 1e6;
}
