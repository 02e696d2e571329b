import {
  BACKSLASH,
  CR,
  DQUOTE,
  EQUALS,
  FIELD_VALUE,
  LF,
  OCTET_CLASS,
  QUOTED_TEXT,
  SEMICOLON,
  TOKEN,
} from './chars.ts';
import { RefusalCode } from './refusal.ts';

/** 13 hexadecimal digits stay below 2^52. */
const MAX_DIGITS = 13;
/** Extensions of all chunks of one message may take so many times the limit of one chunk. */
const MESSAGE_FACTOR = 16;

/*
 * chunk-size [ chunk-ext ] CRLF (RFC 9112 section 7.1):
 *   Size       digits so far; `;` leads to Name, CR to LineFeed
 *   Name       of an extension; `=` leads to Value
 *   Value      first octet of a value: `"` leads to Quoted, else Token
 *   Token      `;` leads to Name, CR to LineFeed
 *   Quoted     until `"`; a backslash leads to Escaped
 *   Escaped    one octet, back to Quoted
 *   AfterQuote `;` leads to Name, CR to LineFeed
 *   LineFeed   LF ends the line
 * No white space anywhere ("bad" white space in the grammar): refused.
 */
const Size = 0;
const Name = 1;
const Value = 2;
const Token = 3;
const Quoted = 4;
const Escaped = 5;
const AfterQuote = 6;
const LineFeed = 7;

/** Reads chunk heads octet by octet. Extensions are checked and dropped. */
export class ChunkHead {
  /** Bytes of the chunk; 0 is the last one. Valid once `feed` returned `complete`. */
  size = 0;
  #digits = 0;
  #state = Size;
  /** The name or token in progress has no octet yet. */
  #empty = true;
  #extensionBytes = 0;
  #messageExtensionBytes = 0;
  #maxExtensionBytes = 0;

  resetMessage(maxExtensionBytes: number): void {
    this.#maxExtensionBytes = maxExtensionBytes;
    this.#messageExtensionBytes = 0;
    this.resetChunk();
  }

  resetChunk(): void {
    this.size = 0;
    this.#digits = 0;
    this.#state = Size;
    this.#extensionBytes = 0;
  }

  /** @returns whether the line is complete; otherwise a refusal or, for more octets, OK. */
  feed(octet: number): RefusalCode | -1 {
    if (this.#state === Size) return this.#feedSize(octet);
    if (this.#state === LineFeed) {
      if (octet !== LF) return RefusalCode.bareCarriageReturn;
      this.#state = Size;
      return -1;
    }
    if (octet === LF) return RefusalCode.bareLineFeed;
    if (octet !== CR) {
      this.#extensionBytes++;
      this.#messageExtensionBytes++;
      if (
        this.#extensionBytes > this.#maxExtensionBytes ||
        this.#messageExtensionBytes > this.#maxExtensionBytes * MESSAGE_FACTOR
      ) {
        return RefusalCode.chunkExtensionsTooLarge;
      }
    }
    return this.#feedExtension(octet);
  }

  #feedSize(octet: number): RefusalCode {
    const value = hexValue(octet);
    if (value !== -1) {
      if (++this.#digits > MAX_DIGITS) return RefusalCode.badChunkSize;
      this.size = this.size * 16 + value;
      return RefusalCode.OK;
    }
    if (this.#digits === 0) return RefusalCode.badChunkSize;
    if (octet === CR) this.#state = LineFeed;
    else if (octet === SEMICOLON) {
      this.#state = Name;
      this.#empty = true;
    } else return octet === LF ? RefusalCode.bareLineFeed : RefusalCode.badChunkSize;
    return RefusalCode.OK;
  }

  #feedExtension(octet: number): RefusalCode {
    const octetClass = OCTET_CLASS[octet]!;
    switch (this.#state) {
      case Quoted:
        if (octet === DQUOTE) this.#state = AfterQuote;
        else if (octet === BACKSLASH) this.#state = Escaped;
        else if ((octetClass & QUOTED_TEXT) === 0) return RefusalCode.badChunkExtension;
        return RefusalCode.OK;
      case Escaped:
        this.#state = Quoted;
        return (octetClass & FIELD_VALUE) === 0 ? RefusalCode.badChunkExtension : RefusalCode.OK;
      case Value:
        if (octet === DQUOTE) {
          this.#state = Quoted;
          return RefusalCode.OK;
        }
        this.#state = Token;
        this.#empty = true;
        return this.#feedToken(octet, octetClass);
      case AfterQuote:
        return this.#endExtension(octet);
      default:
        return this.#feedToken(octet, octetClass);
    }
  }

  #feedToken(octet: number, octetClass: number): RefusalCode {
    if ((octetClass & TOKEN) !== 0) {
      this.#empty = false;
      return RefusalCode.OK;
    }
    if (this.#empty) return RefusalCode.badChunkExtension;
    if (octet === EQUALS && this.#state === Name) {
      this.#state = Value;
      return RefusalCode.OK;
    }
    return this.#endExtension(octet);
  }

  #endExtension(octet: number): RefusalCode {
    if (octet === CR) this.#state = LineFeed;
    else if (octet === SEMICOLON) {
      this.#state = Name;
      this.#empty = true;
    } else return RefusalCode.badChunkExtension;
    return RefusalCode.OK;
  }
}

function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
