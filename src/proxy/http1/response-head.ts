import { reasonPhrase } from '../../lib/status-phrases.ts';
import { CR, FIELD_VALUE, LF, OCTET_CLASS, SP, ZERO } from './chars.ts';
import { MessageControls, persists } from './controls.ts';
import { statusLine } from './encode.ts';
import { endsWithEmptyLine, Fields, parseFieldLines } from './fields.ts';
import type { Framing } from './framing.ts';
import type { HeadMemo } from './head-memo.ts';
import { isText, latin1, octetsOf } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import { RefusalCode, refusalOf, refusalResult } from './refusal.ts';
import { isDigit, versionMajor } from './request-line.ts';

/** What the bytes of a response's head say by themselves, whatever the request was. */
class ResponseLines {
  readonly fields = new Fields();
  readonly controls = new MessageControls();
  minorVersion: 0 | 1 = 1;
  status = 0;
  reason = '';
  /** As it is sent on. */
  statusLine = '';

  read(bytes: Buffer, end: number, maxHeaders: number): RefusalCode {
    const start = this.#readStatusLine(bytes);
    if (start < 0) return refusalOf(start);
    const code = parseFieldLines(bytes, start, end, this.fields, maxHeaders);
    if (code !== RefusalCode.OK) return code;
    this.fields.raw = latin1(bytes, start, end);
    return this.controls.collect(this.fields, bytes, start);
  }

  /**
   * `HTTP-version SP 3DIGIT SP [reason-phrase] CRLF`. The SP before an absent reason may be missing: many servers leave it
   * out and nothing is in doubt.
   * @returns the offset past the line, or `refusalResult(code)`
   */
  #readStatusLine(bytes: Uint8Array): number {
    const minor = bytes[7]!;
    if (versionMajor(bytes, 0) !== 1 || !isDigit(minor) || bytes[8]! !== SP) return BAD_STATUS_LINE;
    this.minorVersion = minor === ZERO ? 0 : 1;
    let status = 0;
    for (let at = 9; at < 12; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return BAD_STATUS_LINE;
      status = status * 10 + digit;
    }
    this.status = status;
    let at = 12;
    let octet = bytes[at]!;
    if (octet === SP) octet = bytes[++at]!;
    else if (octet !== CR) return BAD_STATUS_LINE;
    const reasonStart = at;
    while ((OCTET_CLASS[octet]! & FIELD_VALUE) !== 0) octet = bytes[++at]!;
    if (octet !== CR || bytes[at + 1]! !== LF) return BAD_STATUS_LINE;
    if (status < 100 || status > 599) return refusalResult(RefusalCode.badStatus);
    this.#takeReason(bytes, reasonStart, at);
    return at + 2;
  }

  /** Nearly always the registered phrase, of which there is a string already. */
  #takeReason(bytes: Uint8Array, start: number, end: number): void {
    const usual = reasonPhrase(this.status);
    this.statusLine = statusLine(this.status);
    if (isText(bytes, start, end, usual)) {
      this.reason = usual;
      return;
    }
    this.reason = latin1(bytes, start, end);
    if (this.reason !== '') this.statusLine = `HTTP/1.1 ${this.status} ${this.reason}\r\n`;
  }
}

const BAD_STATUS_LINE = refusalResult(RefusalCode.badStatusLine);

/** Heads that backends send again and again. For one set of limits: what is found is not checked anew. */
export type ResponseMemo = HeadMemo<ResponseLines>;

/** The head of a response, taken apart. Used again for other responses. */
export class ResponseHead {
  /** To read into; null: others share them now. */
  #own: ResponseLines | null = new ResponseLines();
  /** Its own, or those that equal heads share. */
  #lines = this.#own!;
  /** 1 also for HTTP/1.2 to 1.9. */
  minorVersion: 0 | 1 = 1;
  /** 100 to 599. */
  status = 0;
  framing: Framing = 'none';
  /** Bytes; 0 unless `framing` is `length`. */
  contentLength = 0;
  /** The server will read another request; false whenever the body ends with the connection. */
  keepAlive = true;
  /** Field names that Connection lists, in lower case, each followed by a comma; see `listsName`. */
  connectionTokens = '';
  /** The protocol switched to, of a 101; else null. */
  upgrade: string | null = null;

  get fields(): Fields {
    return this.#lines.fields;
  }

  get controls(): MessageControls {
    return this.#lines.controls;
  }

  /** As sent; may be ''. */
  get reason(): string {
    return this.#lines.reason;
  }

  /** With the reason as sent; the registered one where there was none. */
  get statusLine(): string {
    return this.#lines.statusLine;
  }

  /**
   * Takes the lines in bytes [0,end).
   * @param memo where equal ones may be found, or null
   */
  readLines(bytes: Buffer, end: number, maxHeaders: number, memo: ResponseMemo | null): RefusalCode {
    const known = memo === null ? null : memo.find(bytes, 0, end);
    if (known !== null) {
      this.#lines = known;
    } else {
      this.#own ??= new ResponseLines();
      this.#lines = this.#own;
      const code = this.#own.read(bytes, end, maxHeaders);
      if (code !== RefusalCode.OK) return code;
      if (memo?.wants === true) {
        this.#own.fields.share();
        memo.keep(bytes, 0, end, this.#own);
        this.#own = null;
      }
    }
    this.minorVersion = this.#lines.minorVersion;
    this.status = this.#lines.status;
    return RefusalCode.OK;
  }
}

/** As {@link HeadLimits}; a response has no target. */
type ResponseHeadLimits = Pick<HeadLimits, 'maxHeadBytes' | 'maxHeaders'>;

/**
 * Parses the head of a response (RFC 9112 sections 4 to 6, 9). The caller answers 502 for every refusal.
 * @param buf bytes [start,end) are the whole head, as `HeadScanner` found it. Cheapest with a `start` of 0.
 * @param requestMethod of the request that it answers: decides whether there is a body.
 * @param out is overwritten; of no use unless the result is 0. It keeps no reference to `buf`.
 * @param memo of heads with the same limits, or null
 */
export function readResponseHead(
  buf: Buffer,
  start: number,
  end: number,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
  memo: ResponseMemo | null,
): RefusalCode {
  const bytes = start === 0 ? buf : buf.subarray(start);
  return parse(bytes, end - start, requestMethod, out, limits, memo);
}

/** {@link readResponseHead} for a head that is a string already: one character an octet. */
export function parseResponseHead(
  raw: string,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
): RefusalCode {
  return parse(octetsOf(raw), raw.length, requestMethod, out, limits, null);
}

function parse(
  bytes: Buffer,
  end: number,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
  memo: ResponseMemo | null,
): RefusalCode {
  if (!endsWithEmptyLine(bytes, end)) return RefusalCode.headNotTerminated;
  if (end > limits.maxHeadBytes) return RefusalCode.headTooLarge;
  const code = out.readLines(bytes, end, limits.maxHeaders, memo);
  return code === RefusalCode.OK ? takeControls(out, requestMethod) : code;
}

function takeControls(out: ResponseHead, requestMethod: string): RefusalCode {
  const { controls, status, minorVersion } = out;
  if (controls.checkVersion(minorVersion) !== RefusalCode.OK) return RefusalCode.transferEncodingInHttp10;
  out.connectionTokens = controls.connection.names;
  out.keepAlive = persists(controls.connection, minorVersion);
  out.framing = 'none';
  out.contentLength = 0;
  out.upgrade = null;
  if (status < 200 || status === 204) {
    // No Transfer-Encoding at all (RFC 9112 section 6.1); a length of 0 is wrong but leaves nothing in doubt.
    if (controls.announcedBytes > 0) return RefusalCode.contentNotAllowed;
    // "close" or HTTP/1.0, yet another response must follow: nothing good comes of either reading.
    if (status < 200 && !out.keepAlive) return RefusalCode.badInterimResponse;
    return status === 101 ? takeUpgrade(out) : RefusalCode.OK;
  }
  if (requestMethod === 'HEAD' || status === 304) return RefusalCode.OK;
  if (requestMethod === 'CONNECT' && status < 300) return RefusalCode.OK;
  if (controls.chunked) out.framing = 'chunked';
  else if (controls.contentLength === -1) {
    out.framing = 'close';
    out.keepAlive = false;
  } else {
    out.framing = 'length';
    out.contentLength = controls.contentLength;
  }
  return RefusalCode.OK;
}

/** A 101 must say to what it switches (RFC 9110 section 15.2.2). */
function takeUpgrade(out: ResponseHead): RefusalCode {
  const { controls } = out;
  if (!controls.connection.upgrade || controls.upgradeLines !== 1) return RefusalCode.badUpgrade;
  out.upgrade = out.fields.value(controls.upgradeIndex);
  return out.upgrade === '' ? RefusalCode.badUpgrade : RefusalCode.OK;
}
