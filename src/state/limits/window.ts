/** Windows of the calendar, in UTC. */
export type WindowUnit = 'second' | 'minute' | 'hour' | 'day' | 'month';

const LENGTH_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** First moment (Unix milliseconds) that is no longer in the window of `unixMs`. */
export function windowEndMs(unit: WindowUnit, unixMs: number): number {
  if (unit === 'month') {
    const date = new Date(unixMs);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }
  const length = LENGTH_MS[unit];
  return (Math.floor(unixMs / length) + 1) * length;
}

/** Seconds of the longest window of that kind, for `RateLimit-Policy`. */
export function windowSeconds(unit: WindowUnit): number {
  return unit === 'month' ? 31 * 86_400 : LENGTH_MS[unit] / 1000;
}
