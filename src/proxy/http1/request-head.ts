import { Authority } from './authority.ts';
import { MessageControls, persists } from './controls.ts';
import { endsWithEmptyLine, Fields, parseFieldLines } from './fields.ts';
import { isSingleProtocol } from './framing.ts';
import { equalsName, nameOctets } from './header-kind.ts';
import { latin1, octetsOf } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import { RefusalCode } from './refusal.ts';
import { methodAt, RequestLine } from './request-line.ts';
import { parseTarget } from './request-target.ts';

const CONTINUE = nameOctets('100-continue');

export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk';

/** The head of a request, taken apart. Made once per connection and used again for each request. */
export class RequestHead {
  readonly fields = new Fields();
  /** As sent: methods are case-sensitive. */
  method = '';
  /** 1 also for HTTP/1.2 to 1.9 (RFC 9110 section 2.5). */
  minorVersion: 0 | 1 = 1;
  targetForm: TargetForm = 'origin';
  /** Of an absolute-form target; '' for the other forms. */
  scheme: '' | 'http' | 'https' = '';
  /** The path as sent, without the query; never '': `/`, or `*` for a server-wide OPTIONS; '' for CONNECT. */
  path = '';
  /** After the first `?`, as sent; '' when there is none. */
  query = '';
  /** Lower case, without port; IPv6 addresses in brackets. '' in HTTP/1.0 without Host. */
  host = '';
  /** -1 when none was given. */
  port = -1;
  framing: 'none' | 'length' | 'chunked' = 'none';
  /** Bytes; 0 unless `framing` is `length`. */
  contentLength = 0;
  /** The client wants the connection to persist. */
  keepAlive = true;
  /** The client waits for 100 (Continue) before it sends the body; false when there is no body. */
  expectContinue = false;
  /**
   * The protocol that the client asks for, when Connection names `upgrade`, the message has no content and exactly one
   * protocol that carries no HTTP is named; else null: the request is then an ordinary one.
   */
  upgrade: string | null = null;
  /** Field names that Connection lists, in lower case, each followed by a comma; see `listsName`. */
  connectionTokens = '';
  /** Offsets in `fields.raw`. */
  readonly line = new RequestLine();
  /** Offsets of Host, or of the authority in an absolute-form or authority-form target. */
  authorityStart = 0;
  authorityEnd = 0;
  readonly controls = new MessageControls();
  readonly hostAuthority = new Authority();
  /** Of the target, where it has one: to compare with Host. */
  readonly targetAuthority = new Authority();

  /** The request target as sent. Makes a string at each call. */
  get target(): string {
    return this.fields.raw.slice(this.line.targetStart, this.line.targetEnd);
  }

  /** Host, or the authority of an absolute-form or authority-form target, as sent. Makes a string at each call. */
  get authority(): string {
    return this.fields.raw.slice(this.authorityStart, this.authorityEnd);
  }
}

/**
 * Parses the head of a request (RFC 9112 sections 3 to 6, 9; RFC 9110 section 7).
 * @param buf bytes [start,end) are the whole head, as `HeadScanner` found it. Cheapest with a `start` of 0.
 * @param out is overwritten; of no use unless the result is 0. It keeps no reference to `buf`.
 * @returns 0 or why the request is refused; `refusalStatus` gives the answer's status.
 */
export function readRequestHead(
  buf: Buffer,
  start: number,
  end: number,
  out: RequestHead,
  limits: HeadLimits,
): RefusalCode {
  return start === 0 ? parse(buf, end, out, limits) : parse(buf.subarray(start), end - start, out, limits);
}

/** {@link readRequestHead} for a head that is a string already: one character an octet. */
export function parseRequestHead(raw: string, out: RequestHead, limits: HeadLimits): RefusalCode {
  return parse(octetsOf(raw), raw.length, out, limits);
}

function parse(bytes: Buffer, end: number, out: RequestHead, limits: HeadLimits): RefusalCode {
  if (!endsWithEmptyLine(bytes, end)) return RefusalCode.headNotTerminated;
  const { line, fields } = out;
  let code = line.parse(bytes, limits.maxTargetBytes);
  if (code !== RefusalCode.OK) return code;
  if (end > limits.maxHeadBytes) return RefusalCode.headTooLarge;
  code = parseFieldLines(bytes, line.end, end, fields, limits.maxHeaders);
  if (code !== RefusalCode.OK) return code;
  fields.raw = latin1(bytes, 0, end);
  out.minorVersion = line.minorVersion;
  out.method = methodAt(bytes, line.methodStart, line.methodEnd);
  code = out.controls.collect(fields, bytes, out.minorVersion);
  if (code !== RefusalCode.OK) return code;
  code = parseHost(bytes, out);
  if (code !== RefusalCode.OK) return code;
  code = parseTarget(bytes, out);
  return code === RefusalCode.OK ? takeControls(bytes, out) : code;
}

/** Exactly one Host in HTTP/1.1, at most one in 1.0, and never an empty one (RFC 9112 section 3.2). */
function parseHost(bytes: Uint8Array, out: RequestHead): RefusalCode {
  const { controls, fields } = out;
  out.host = '';
  out.port = -1;
  out.authorityStart = 0;
  out.authorityEnd = 0;
  if (controls.hostLines > 1) return RefusalCode.duplicateHost;
  if (controls.hostLines === 0) return out.minorVersion === 0 ? RefusalCode.OK : RefusalCode.missingHost;
  const start = fields.valueStart[controls.hostIndex]!;
  const end = fields.valueEnd[controls.hostIndex]!;
  if (!out.hostAuthority.parse(bytes, start, end)) return RefusalCode.badHost;
  out.host = out.hostAuthority.host;
  out.port = out.hostAuthority.port;
  out.authorityStart = start;
  out.authorityEnd = end;
  return RefusalCode.OK;
}

function takeControls(bytes: Uint8Array, out: RequestHead): RefusalCode {
  const { controls, minorVersion } = out;
  const options = controls.connection;
  const contentBytes = controls.announcedBytes;
  if (contentBytes > 0 && (out.method === 'CONNECT' || out.method === 'TRACE'))
    return RefusalCode.contentNotAllowed;
  out.framing = controls.chunked ? 'chunked' : controls.contentLength === -1 ? 'none' : 'length';
  out.contentLength = controls.chunked || controls.contentLength === -1 ? 0 : controls.contentLength;
  out.keepAlive = persists(options, minorVersion);
  out.connectionTokens = options.names;
  out.expectContinue = false;
  out.upgrade = null;
  if (controls.expectLines !== 0) {
    const code = takeExpect(bytes, out, contentBytes);
    if (code !== RefusalCode.OK) return code;
  }
  // HTTP/1.0 knows neither (RFC 9110 sections 7.8 and 10.1.1).
  if (options.upgrade && controls.upgradeLines === 1 && minorVersion === 1 && contentBytes === 0) {
    const protocol = out.fields.value(controls.upgradeIndex);
    if (isSingleProtocol(protocol) && !carriesRequests(protocol)) out.upgrade = protocol;
  }
  return RefusalCode.OK;
}

/** HTTP again, which the gateway would let pass unread: requests that no rule and no policy has seen. */
const HTTP_AGAIN = /^(?:h2c?|http|tls)(?:\/|$)/i;

function carriesRequests(protocol: string): boolean {
  return HTTP_AGAIN.test(protocol);
}

function takeExpect(bytes: Uint8Array, out: RequestHead, contentBytes: number): RefusalCode {
  const { controls, fields } = out;
  const start = fields.valueStart[controls.expectIndex]!;
  const end = fields.valueEnd[controls.expectIndex]!;
  if (controls.expectLines > 1 || !equalsName(bytes, start, end, CONTINUE)) return RefusalCode.badExpect;
  out.expectContinue = contentBytes > 0 && out.minorVersion === 1;
  return RefusalCode.OK;
}
