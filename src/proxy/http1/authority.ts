import { isIPv6 } from 'node:net';
import { COLON, LEFT_BRACKET, NINE, OCTET_CLASS, REG_NAME, RIGHT_BRACKET, UPPER, ZERO } from './chars.ts';

/** Longer ones are not worth remembering: a DNS name has 253 octets at most. */
const REMEMBERED_BYTES = 272;

/** A host and an optional port, taken apart. */
export class Authority {
  /** Lower case; an IPv6 address keeps its brackets. */
  host = '';
  /** -1: none was given. */
  port = -1;
  readonly #octets = new Uint8Array(REMEMBERED_BYTES);
  #length = 0;

  /**
   * Reads `uri-host [ ":" port ]` (RFC 9110 section 7.2) in bytes [start,end). Refused: an empty host, user
   * information, port 0 or above 65535 or without digits, octets outside `reg-name`, and percent codes,
   * which would give one host two names. The last good one is remembered,
   * for a connection names the same host again and again.
   * @returns whether it is well formed.
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isRemembered(bytes, start, end)) return true;
    this.#length = 0;
    const hostEnd =
      bytes[start] === LEFT_BRACKET ? endOfLiteral(bytes, start, end) : endOfName(bytes, start, end);
    if (hostEnd <= start) return false;
    const port = hostEnd === end ? -1 : parsePort(bytes, hostEnd, end);
    if (port === 0) return false;
    this.host = lowerCase(bytes, start, hostEnd);
    this.port = port;
    if (end - start <= REMEMBERED_BYTES) {
      this.#octets.set(bytes.subarray(start, end));
      this.#length = end - start;
    }
    return true;
  }

  #isRemembered(bytes: Uint8Array, start: number, end: number): boolean {
    const length = this.#length;
    if (length === 0 || end - start !== length) return false;
    const octets = this.#octets;
    for (let i = 0; i < length; i++) {
      if (octets[i] !== bytes[start + i]) return false;
    }
    return true;
  }
}

/** Offset past a `reg-name`; `start` when it is empty. */
function endOfName(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (OCTET_CLASS[bytes[at]!]! & REG_NAME) !== 0) at++;
  return at;
}

/** Offset past the `]` of an IPv6 address in brackets; -1 when it is none. Zones are refused: RFC 9110 has none. */
function endOfLiteral(bytes: Uint8Array, start: number, end: number): number {
  const close = bytes.subarray(start, end).indexOf(RIGHT_BRACKET);
  if (close === -1) return -1;
  const address = lowerCase(bytes, start + 1, start + close);
  return isIPv6(address) && !address.includes('%') ? start + close + 1 : -1;
}

/** A string of its own, not a part of the head: hosts are kept longer than heads. */
function lowerCase(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!;
    text += String.fromCharCode((OCTET_CLASS[octet]! & UPPER) === 0 ? octet : octet | 0x20);
  }
  return text;
}

/** `at` should be the colon. @returns 1 to 65535, or 0 when malformed. */
function parsePort(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== COLON || end - at > 6) return 0;
  let port = 0;
  for (let digit = at + 1; digit < end; digit++) {
    const octet = bytes[digit]!;
    if (octet < ZERO || octet > NINE) return 0;
    port = port * 10 + (octet - ZERO);
  }
  return port > 65535 ? 0 : port;
}
