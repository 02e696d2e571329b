import { CR, FIELD_VALUE, LF, OCTET_CLASS, SP, ZERO } from './chars.ts';
import { MessageControls, persists } from './controls.ts';
import { endsWithEmptyLine, Fields, parseFieldLines } from './fields.ts';
import type { Framing } from './framing.ts';
import { latin1, octetsOf } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import { RefusalCode } from './refusal.ts';
import { isDigit, versionMajor } from './request-line.ts';

/** The head of a response, taken apart. Made once per connection and used again for each response. */
export class ResponseHead {
  readonly fields = new Fields();
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
  /** Offsets of the reason phrase in `fields.raw`. */
  reasonStart = 0;
  reasonEnd = 0;
  /** Offset of the first field line. */
  fieldsStart = 0;
  readonly controls = new MessageControls();

  /** As sent; may be ''. Makes a string at each call. */
  get reason(): string {
    return this.fields.raw.slice(this.reasonStart, this.reasonEnd);
  }
}

/** As {@link HeadLimits}; a response has no target. */
type ResponseHeadLimits = Pick<HeadLimits, 'maxHeadBytes' | 'maxHeaders'>;

/**
 * Parses the head of a response (RFC 9112 sections 4 to 6, 9). The caller answers 502 for every refusal.
 * @param buf bytes [start,end) are the whole head, as `HeadScanner` found it. Cheapest with a `start` of 0.
 * @param requestMethod of the request that it answers: decides whether there is a body.
 * @param out is overwritten; of no use unless the result is 0. It keeps no reference to `buf`.
 */
export function readResponseHead(
  buf: Buffer,
  start: number,
  end: number,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
): RefusalCode {
  const bytes = start === 0 ? buf : buf.subarray(start);
  return parse(bytes, end - start, requestMethod, out, limits);
}

/** {@link readResponseHead} for a head that is a string already: one character an octet. */
export function parseResponseHead(
  raw: string,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
): RefusalCode {
  return parse(octetsOf(raw), raw.length, requestMethod, out, limits);
}

function parse(
  bytes: Buffer,
  end: number,
  requestMethod: string,
  out: ResponseHead,
  limits: ResponseHeadLimits,
): RefusalCode {
  if (!endsWithEmptyLine(bytes, end)) return RefusalCode.headNotTerminated;
  if (end > limits.maxHeadBytes) return RefusalCode.headTooLarge;
  let code = parseStatusLine(bytes, out);
  if (code !== RefusalCode.OK) return code;
  code = parseFieldLines(bytes, out.fieldsStart, end, out.fields, limits.maxHeaders);
  if (code !== RefusalCode.OK) return code;
  out.fields.raw = latin1(bytes, 0, end);
  code = out.controls.collect(out.fields, bytes, out.minorVersion);
  return code === RefusalCode.OK ? takeControls(out, requestMethod) : code;
}

/**
 * `HTTP-version SP 3DIGIT SP [reason-phrase] CRLF`. The SP before an absent reason may be missing: many servers leave it
 * out and nothing is in doubt.
 */
function parseStatusLine(bytes: Uint8Array, out: ResponseHead): RefusalCode {
  const minor = bytes[7]!;
  if (versionMajor(bytes, 0) !== 1 || !isDigit(minor) || bytes[8]! !== SP) {
    return RefusalCode.badStatusLine;
  }
  out.minorVersion = minor === ZERO ? 0 : 1;
  out.status = 0;
  for (let at = 9; at < 12; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return RefusalCode.badStatusLine;
    out.status = out.status * 10 + digit;
  }
  let at = 12;
  let octet = bytes[at]!;
  if (octet === SP) octet = bytes[++at]!;
  else if (octet !== CR) return RefusalCode.badStatusLine;
  out.reasonStart = at;
  while ((OCTET_CLASS[octet]! & FIELD_VALUE) !== 0) octet = bytes[++at]!;
  if (octet !== CR || bytes[at + 1]! !== LF) return RefusalCode.badStatusLine;
  out.reasonEnd = at;
  out.fieldsStart = at + 2;
  return out.status < 100 || out.status > 599 ? RefusalCode.badStatus : RefusalCode.OK;
}

function takeControls(out: ResponseHead, requestMethod: string): RefusalCode {
  const { controls, status } = out;
  out.connectionTokens = controls.connection.names;
  out.keepAlive = persists(controls.connection, out.minorVersion);
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
