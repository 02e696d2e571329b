/** Values of log fields as text, without allocating more than the text. */

const PAD_2 = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'));
const PAD_3 = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'));
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The second of the last time that was asked for, and its text up to the dot. */
let lastSecond = Number.NaN;
let lastText = '';
let lastCommonSecond = Number.NaN;
let lastCommonText = '';

/** RFC 3339 with milliseconds, in UTC: `2026-11-24T09:30:57.123Z`. */
export function rfc3339(timeMs: number): string {
  const second = Math.floor(timeMs / 1_000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1_000).toISOString().slice(0, 20);
    lastSecond = second;
  }
  return `${lastText}${PAD_3[Math.floor(timeMs) - second * 1_000]}Z`;
}

/** As the Common Log Format has it: `24/Nov/2026:09:30:57 +0000`. */
export function commonTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1_000);
  if (second !== lastCommonSecond) {
    const date = new Date(second * 1_000);
    const day = `${PAD_2[date.getUTCDate()]}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
    lastCommonText = `${day}:${date.toISOString().slice(11, 19)} +0000`;
    lastCommonSecond = second;
  }
  return lastCommonText;
}

/** Milliseconds with three decimals: `12.034`. Printing a double in full would cost ten times as much. */
export function milliseconds(ms: number): string {
  const micros = ms > 0 ? Math.round(ms * 1_000) : 0;
  const whole = Math.floor(micros / 1_000);
  return `${whole}.${PAD_3[micros - whole * 1_000]}`;
}

/** Query and fragment of a referring page can hold its secrets. */
export function withoutQuery(url: string): string {
  const query = url.indexOf('?');
  const fragment = url.indexOf('#');
  if (query === -1) return fragment === -1 ? url : url.slice(0, fragment);
  return url.slice(0, fragment === -1 ? query : Math.min(query, fragment));
}
