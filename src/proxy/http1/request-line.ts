import { CR, DOT, LF, NINE, OCTET_CLASS, PATH, QUERY, QUESTION, SLASH, SP, TOKEN, ZERO } from './chars.ts';
import { latin1 } from './latin1.ts';
import { RefusalCode } from './refusal.ts';

/** Byte offsets of the parts of `method SP request-target SP HTTP-version CRLF` (RFC 9112 section 3). */
export class RequestLine {
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Offset of the first `?` of the target, or `targetEnd`. */
  pathEnd = 0;
  minorVersion: 0 | 1 = 1;
  /** Offset past the CRLF. */
  end = 0;

  /**
   * Reads the line at the start of `bytes`. One SP between the parts and nothing else; a CRLF in front is skipped once (RFC 9112
   * section 2.2). There must be a CR: it stops every loop.
   */
  parse(bytes: Uint8Array, maxTargetBytes: number): RefusalCode {
    let at = bytes[0] === CR && bytes[1] === LF ? 2 : 0;
    this.methodStart = at;
    let octet = bytes[at]!;
    while ((OCTET_CLASS[octet]! & TOKEN) !== 0) octet = bytes[++at]!;
    if (octet !== SP || at === this.methodStart) return RefusalCode.badMethod;
    this.methodEnd = at;

    this.targetStart = ++at;
    octet = bytes[at]!;
    while ((OCTET_CLASS[octet]! & PATH) !== 0) octet = bytes[++at]!;
    this.pathEnd = at;
    if (octet === QUESTION) {
      do octet = bytes[++at]!;
      while ((OCTET_CLASS[octet]! & QUERY) !== 0);
    }
    this.targetEnd = at;
    if (at - this.targetStart > maxTargetBytes) return RefusalCode.targetTooLong;
    if (octet !== SP) return octet === CR ? RefusalCode.badVersion : RefusalCode.badTarget;
    if (at === this.targetStart) return RefusalCode.badTarget;
    return this.#parseVersion(bytes, at + 1);
  }

  #parseVersion(bytes: Uint8Array, at: number): RefusalCode {
    const major = versionMajor(bytes, at);
    const minor = bytes[at + 7]!;
    if (major < 1 || !isDigit(minor)) return RefusalCode.badVersion;
    if (bytes[at + 8] !== CR || bytes[at + 9] !== LF) return RefusalCode.badVersion;
    if (major !== 1) return RefusalCode.versionNotSupported;
    this.minorVersion = minor === ZERO ? 0 : 1;
    this.end = at + 10;
    return RefusalCode.OK;
  }
}

/** `HTTP/` DIGIT `.` at `at` (RFC 9112 section 2.3: case-sensitive). @returns the major version, or -1. */
export function versionMajor(bytes: Uint8Array, at: number): number {
  const isVersion =
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === SLASH &&
    isDigit(bytes[at + 5]!) &&
    bytes[at + 6] === DOT;
  return isVersion ? bytes[at + 5]! - ZERO : -1;
}

export function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= NINE;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'].map(
  (method) => ({ method, octets: Uint8Array.from(Buffer.from(method, 'latin1')) }),
);

/** The method in bytes [start,end); the common ones without making a string. Methods are case-sensitive. */
export function methodAt(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  for (let i = 0; i < METHODS.length; i++) {
    const { method, octets } = METHODS[i]!;
    if (octets.length === length && equalsOctets(bytes, start, octets)) return method;
  }
  return latin1(bytes, start, end);
}

function equalsOctets(bytes: Uint8Array, start: number, octets: Uint8Array): boolean {
  for (let i = 0; i < octets.length; i++) {
    if (bytes[start + i] !== octets[i]) return false;
  }
  return true;
}
