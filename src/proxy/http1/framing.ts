import { NINE, OCTET_CLASS, TOKEN, ZERO } from './chars.ts';
import { equalsName, nameOctets } from './header-kind.ts';
import { latin1 } from './latin1.ts';
import { RefusalCode } from './refusal.ts';

const CHUNKED = nameOctets('chunked');

/** How the end of a body is known (RFC 9112 section 6.3). `close`: responses only. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Codings of the IANA registry that this codec knows by name and does not undo. */
const KNOWN_CODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'compress', 'x-compress']);

/**
 * Content-Length in bytes [start,end): `1*DIGIT` without leading zeros, at most `Number.MAX_SAFE_INTEGER`. RFC 9110
 * section 8.6 would let some lists pass; here they are refused.
 * @returns the length in bytes, or -1.
 */
export function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  const digits = end - start;
  if (digits === 0 || digits > 16) return -1;
  if (bytes[start] === ZERO) return digits === 1 ? 0 : -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!;
    if (octet < ZERO || octet > NINE) return -1;
    length = length * 10 + (octet - ZERO);
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/**
 * Transfer-Encoding in bytes [start,end) must be `chunked` and nothing else. A list of registered codings that ends with
 * `chunked` is "not implemented" (RFC 9112 section 6.1); all else is malformed.
 */
export function checkTransferEncoding(bytes: Uint8Array, start: number, end: number): RefusalCode {
  if (equalsName(bytes, start, end, CHUNKED)) return RefusalCode.OK;
  const value = latin1(bytes, start, end).toLowerCase();
  const codings = value.split(/[ \t]*,[ \t]*/);
  const last = codings.pop();
  if (last === 'chunked' && codings.length > 0 && codings.every((coding) => KNOWN_CODINGS.has(coding))) {
    return RefusalCode.transferCodingNotImplemented;
  }
  return RefusalCode.badTransferEncoding;
}

/** `protocol-name ["/" protocol-version]` (RFC 9110 section 7.8), not a list. */
export function isSingleProtocol(value: string): boolean {
  let slashes = 0;
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) === 0x2f) slashes += at === 0 || at === value.length - 1 ? 2 : 1;
    else if ((OCTET_CLASS[value.charCodeAt(at)]! & TOKEN) === 0) return false;
  }
  return value !== '' && slashes <= 1;
}
