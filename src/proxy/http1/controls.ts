import { COLON, CR, HTAB } from './chars.ts';
import { ConnectionOptions } from './connection.ts';
import type { Fields } from './fields.ts';
import { checkTransferEncoding, parseContentLength } from './framing.ts';
import { HeaderKind } from './header-kind.ts';
import { RefusalCode } from './refusal.ts';

/** What the fields of one head say about how the message and its connection are to be read. Used again and again. */
export class MessageControls {
  readonly connection = new ConnectionOptions();
  /** -1: no Content-Length. */
  contentLength = -1;
  chunked = false;
  hostLines = 0;
  /** Index of the (last) line, when there is one. */
  hostIndex = -1;
  expectLines = 0;
  expectIndex = -1;
  upgradeLines = 0;
  upgradeIndex = -1;

  /**
   * Walks the fields of a head, whose lines begin at `bytes[base]`. Refuses whatever leaves the framing in doubt (RFC 9112
   * section 6), but for what only {@link checkVersion} can tell.
   */
  collect(fields: Fields, bytes: Uint8Array, base: number): RefusalCode {
    this.#reset();
    const kinds = fields.kind;
    for (let index = 0; index < fields.count; index++) {
      const kind = kinds[index]!;
      if (kind === 0 || kind > HeaderKind.expect) continue;
      const start = base + fields.valueStart[index]!;
      const code = this.#take(kind, index, bytes, start, base + fields.valueEnd[index]!);
      if (code !== RefusalCode.OK) return code;
    }
    return this.chunked && this.contentLength !== -1
      ? RefusalCode.lengthWithTransferEncoding
      : RefusalCode.OK;
  }

  /** HTTP/1.0 has no Transfer-Encoding (RFC 9112 section 6.1). */
  checkVersion(minorVersion: 0 | 1): RefusalCode {
    return this.chunked && minorVersion === 0 ? RefusalCode.transferEncodingInHttp10 : RefusalCode.OK;
  }

  #take(kind: number, index: number, bytes: Uint8Array, start: number, end: number): RefusalCode {
    switch (kind) {
      case HeaderKind.host:
        this.hostLines++;
        this.hostIndex = index;
        return RefusalCode.OK;
      case HeaderKind.connection:
        return this.connection.add(bytes, start, end) ? RefusalCode.OK : RefusalCode.badConnection;
      case HeaderKind.contentLength:
        if (this.contentLength !== -1) return RefusalCode.duplicateContentLength;
        this.contentLength = padsWithTab(bytes, start, end) ? -1 : parseContentLength(bytes, start, end);
        return this.contentLength === -1 ? RefusalCode.badContentLength : RefusalCode.OK;
      case HeaderKind.transferEncoding:
        if (this.chunked) return RefusalCode.duplicateTransferEncoding;
        this.chunked = true;
        if (padsWithTab(bytes, start, end)) return RefusalCode.badTransferEncoding;
        return checkTransferEncoding(bytes, start, end);
      case HeaderKind.expect:
        this.expectLines++;
        this.expectIndex = index;
        return RefusalCode.OK;
      case HeaderKind.upgrade:
        this.upgradeLines++;
        this.upgradeIndex = index;
        return RefusalCode.OK;
      default:
        return RefusalCode.OK;
    }
  }

  /** The length of the content that the fields announce: 0 with none, Infinity when chunked. */
  get announcedBytes(): number {
    return this.chunked ? Number.POSITIVE_INFINITY : Math.max(0, this.contentLength);
  }

  #reset(): void {
    this.connection.reset();
    this.contentLength = -1;
    this.chunked = false;
    this.hostLines = 0;
    this.hostIndex = -1;
    this.expectLines = 0;
    this.expectIndex = -1;
    this.upgradeLines = 0;
    this.upgradeIndex = -1;
  }
}

/**
 * Whether a tab stands around the value in bytes [start,end). Allowed, but parsers disagree about it (llhttp refuses a
 * tab after `chunked`), and on framing there must be no two opinions.
 */
function padsWithTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start - 1; bytes[at] !== COLON; at--) {
    if (bytes[at] === HTAB) return true;
  }
  for (let at = end; bytes[at] !== CR; at++) {
    if (bytes[at] === HTAB) return true;
  }
  return false;
}

/** HTTP/1.1 connections persist unless told otherwise, HTTP/1.0 ones the other way round (RFC 9112 section 9.3). */
export function persists(options: ConnectionOptions, minorVersion: 0 | 1): boolean {
  return !options.close && (minorVersion === 1 || options.keepAlive);
}
