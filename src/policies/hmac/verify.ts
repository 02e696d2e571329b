import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { HmacCredentials } from './credentials.ts';

/** The algorithm's name in the header, and Node's name of its hash. */
export const HASHES = {
  'hmac-sha1': 'sha1',
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
} as const;
export type HmacAlgorithm = keyof typeof HASHES;

export function isHmacAlgorithm(name: string): name is HmacAlgorithm {
  return Object.hasOwn(HASHES, name);
}

/** What of a request is signed, as its client sent it. */
export interface HmacMessage {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  /** Lines joined by `, `; null when there is none. The name in lower case. */
  header(name: string): string | null;
}

/**
 * Each signed part on a line of its own. `request-line` and `@request-target` always mean those, whatever headers the request
 * has: or else a header of that name would let another path pass for the signed one.
 */
export function signingString(headers: readonly string[], message: HmacMessage): string {
  return headers.map((name) => signedLine(name, message)).join('\n');
}

function signedLine(name: string, message: HmacMessage): string {
  const { method, target } = message;
  switch (name.toLowerCase()) {
    case 'request-line':
      return `${method} ${target} ${message.protocol}`;
    case '@request-target':
    case '(request-target)':
      return `${name}: ${method.toLowerCase()} ${target}`;
    default: {
      const value = message.header(name.toLowerCase());
      return value === null ? `${name}:` : `${name}: ${value}`;
    }
  }
}

/** Takes the same time whether it matches or not. */
export function matches(
  { headers, signature }: HmacCredentials,
  algorithm: HmacAlgorithm,
  secret: KeyObject,
  message: HmacMessage,
): boolean {
  const expected = createHmac(HASHES[algorithm], secret)
    .update(signingString(headers, message), 'latin1')
    .digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

/**
 * Unix milliseconds of the date that is signed: `X-Date` where it is, for clients that can't set `Date`. Null when none is
 * signed, it is not there, or is no date.
 */
export function signedDateMs(headers: readonly string[], message: HmacMessage): number | null {
  for (const name of ['x-date', 'date']) {
    if (!headers.some((signed) => signed.toLowerCase() === name)) continue;
    const value = message.header(name);
    if (value !== null) return httpDateMs(value);
  }
  return null;
}

/** RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`; anything else that JavaScript takes for a date is none. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function httpDateMs(text: string): number | null {
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
