const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const WHOLE = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const GROUP = /([0-9]{1,5})(ms|h|m|s)/g;
/** Largest unit first; the groups of a printed duration. */
const UNITS = ['h', 'm', 's', 'ms'] as const;
/** GEP-2257 allows five digits a group. */
const MAX_MS = 99_999 * 3_600_000 + 59 * 60_000 + 59 * 1000 + 999;

/**
 * Milliseconds of a duration as Gateway API writes it (GEP-2257): `30s`, `1m30s`, `250ms`, `0s`.
 * Groups add up in any order.
 * @throws RangeError when the text is not a duration.
 */
export function parseDuration(text: string): number {
  if (!WHOLE.test(text)) {
    throw new RangeError(`"${text}" is not a duration; write it like 30s, 1m30s or 250ms`);
  }
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(GROUP)) ms += Number(digits) * UNIT_MS[unit!]!;
  return ms;
}

/**
 * The shortest GEP-2257 text of a number of milliseconds: `90000` is `1m30s`, `0` is `0s`.
 * @throws RangeError when it is negative, not an integer, or longer than five digits of hours.
 */
export function formatDuration(ms: number): string {
  if (!Number.isInteger(ms) || ms < 0 || ms > MAX_MS) {
    throw new RangeError(`${ms} ms can't be written as a duration`);
  }
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const unit of UNITS) {
    const count = Math.floor(rest / UNIT_MS[unit]!);
    rest %= UNIT_MS[unit]!;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
