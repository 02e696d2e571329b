import { Buffer } from 'node:buffer';
import { CR, FIELD_VALUE, LF, OCTET_CLASS } from './chars.ts';
import { RefusalCode, refusalResult } from './refusal.ts';

/** The end of the head is not in the bytes seen so far. */
export const NEED_MORE = -1;

const TERMINATOR_BYTES = 4;

/**
 * Finds the empty line that ends a head in bytes that arrive piecewise, without reading a byte twice.
 *
 * A head that arrives whole is searched with long strides and its octets are left to the parser. One that
 * arrives in pieces is checked as it comes, so that what can never become a head (a bare LF or CR, a control byte:
 * also the first byte of a TLS hello) is refused before its end. Either way the same heads are
 * accepted; the code of a refusal may differ.
 */
export class HeadScanner {
  readonly #maxHeadBytes: number;
  /** Octets of CRLFCRLF that the bytes seen so far end with. */
  #matched = 0;
  /** Bytes seen of a head that is not complete. */
  #seenBytes = 0;
  /** The first line is complete. */
  #pastFirstLine = false;

  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** Ready for the next head. */
  reset(): void {
    this.#matched = 0;
    this.#seenBytes = 0;
    this.#pastFirstLine = false;
  }

  /** Ready for a section that follows a CRLF: trailers, which end at once if a CRLF comes first. */
  resetAfterLine(): void {
    this.#matched = 2;
    this.#seenBytes = 0;
    this.#pastFirstLine = true;
  }

  /** A head has begun: more was seen than a CRLF in front of it (RFC 9112 section 2.2). */
  get begun(): boolean {
    return this.#seenBytes !== 0 && this.#seenBytes !== this.#matched;
  }

  /**
   * Bytes [start,end) of `buf` are new.
   * @returns the offset just past the empty line, {@link NEED_MORE}, or `refusalResult(code)`.
   */
  scan(buf: Uint8Array, start: number, end: number): number {
    if (this.#seenBytes === 0 && this.#matched === 0) {
      const found = findTerminator(buf, start, Math.min(end, start + this.#maxHeadBytes));
      if (found !== -1) return found;
    }
    return this.#scanOn(buf, start, end);
  }

  #scanOn(buf: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + this.#maxHeadBytes - this.#seenBytes);
    let matched = this.#matched;
    for (let at = start; at < limit; at++) {
      const octet = buf[at]!;
      if ((matched & 1) === 1) {
        if (octet !== LF) return refusalResult(RefusalCode.bareCarriageReturn);
        if (++matched === TERMINATOR_BYTES) return at + 1;
        // The CRLF that may stand in front of a request is no line.
        if (this.#seenBytes + at - start > 1) this.#pastFirstLine = true;
      } else if (octet === CR) {
        matched++;
      } else if ((OCTET_CLASS[octet]! & FIELD_VALUE) !== 0) {
        matched = 0;
      } else {
        return refusalResult(octet === LF ? RefusalCode.bareLineFeed : RefusalCode.controlByte);
      }
    }
    this.#matched = matched;
    this.#seenBytes += limit - start;
    if (this.#seenBytes < this.#maxHeadBytes) return NEED_MORE;
    return refusalResult(this.#pastFirstLine ? RefusalCode.headTooLarge : RefusalCode.targetTooLong);
  }
}

const TERMINATOR = Buffer.from('\r\n\r\n', 'latin1');

/** In so many bytes, the call into the runtime's own search costs half of looking at every fourth. */
const LONG_BYTES = 512;

/** Boyer, Moore and Horspool's search for CRLFCRLF: looks at every fourth byte of ordinary text. */
function findTerminator(buf: Uint8Array, start: number, end: number): number {
  if (end - start >= LONG_BYTES && Buffer.isBuffer(buf)) return findInLong(buf, start, end);
  let at = start + TERMINATOR_BYTES - 1;
  while (at < end) {
    const octet = buf[at]!;
    if (octet > CR) at += 4;
    else if (octet === CR) at += 1;
    else if (octet !== LF) at += 4;
    else if (buf[at - 1] !== CR) at += 4;
    else if (buf[at - 2] === LF && buf[at - 3] === CR) return at + 1;
    else at += 2;
  }
  return -1;
}

function findInLong(buf: Buffer, start: number, end: number): number {
  // It may run on into what older reads left in the buffer: cheaper than a view that ends here, and once a head at most.
  const past = buf.indexOf(TERMINATOR, start) + TERMINATOR_BYTES;
  return past < TERMINATOR_BYTES || past > end ? -1 : past;
}
