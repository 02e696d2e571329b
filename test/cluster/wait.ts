import { setTimeout as sleep } from 'node:timers/promises';

/** How long {@link waitUntil} asks, how often, and what its error says. */
export interface WaitOptions {
  /** What is waited for, as in "gave up waiting for …". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/** A machine that others use too may stand still for long. */
const PATIENCE_MS = 180_000;

/**
 * Asks `probe` until it gives something other than `undefined` or `false`, and returns that. A throw counts as "not
 * yet"; the last one becomes the cause of the error.
 * @throws Error after `timeoutMs`; the default is long: it is there for what never comes, not for what is slow
 */
export async function waitUntil<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const { what, timeoutMs = PATIENCE_MS, intervalMs = 100 } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      cause = error;
    }
    if (performance.now() > deadline)
      throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms`, { cause });
    await sleep(intervalMs);
  }
}

/** Thrown by a probe of {@link waitUntil} that knows that waiting is in vain. */
export class GiveUp extends Error {
  override readonly name = 'GiveUp';
}
