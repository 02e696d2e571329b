import { Authority } from './authority.ts';
import { MessageControls, persists } from './controls.ts';
import { endsWithEmptyLine, Fields, parseFieldLines } from './fields.ts';
import { isSingleProtocol } from './framing.ts';
import type { HeadMemo } from './head-memo.ts';
import { latin1, octetsOf } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import { RefusalCode } from './refusal.ts';
import { methodAt, RequestLine } from './request-line.ts';
import { parseTarget } from './request-target.ts';

export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk';

/** The field lines of a request and what they say by themselves, whatever the request line is. */
class RequestSection {
  readonly fields = new Fields();
  readonly controls = new MessageControls();
  readonly hostAuthority = new Authority();
  /** The value of Host as sent; '' when there is none. */
  hostText = '';

  read(bytes: Buffer, start: number, end: number, maxHeaders: number): RefusalCode {
    const { fields, controls } = this;
    let code = parseFieldLines(bytes, start, end, fields, maxHeaders);
    if (code !== RefusalCode.OK) return code;
    fields.raw = latin1(bytes, start, end);
    code = controls.collect(fields, bytes, start);
    return code === RefusalCode.OK ? this.#readHost(bytes, start) : code;
  }

  /** At most one Host, and never an empty one (RFC 9112 section 3.2). */
  #readHost(bytes: Uint8Array, base: number): RefusalCode {
    const { fields, controls } = this;
    this.hostText = '';
    if (controls.hostLines > 1) return RefusalCode.duplicateHost;
    if (controls.hostLines === 0) return RefusalCode.OK;
    const index = controls.hostIndex;
    const start = base + fields.valueStart[index]!;
    if (!this.hostAuthority.parse(bytes, start, base + fields.valueEnd[index]!)) return RefusalCode.badHost;
    this.hostText = fields.value(index);
    return RefusalCode.OK;
  }
}

/** Sections that clients send again and again. For heads of one set of limits: what is found is not checked anew. */
export type RequestMemo = HeadMemo<RequestSection>;

/** The head of a request, taken apart. Used again for other requests. */
export class RequestHead {
  /** To read into; null: others share it now. */
  #own: RequestSection | null = new RequestSection();
  /** Its own, or one that equal sections share. */
  #section = this.#own!;
  /** As sent: methods are case-sensitive. */
  method = '';
  /** 1 also for HTTP/1.2 to 1.9 (RFC 9110 section 2.5). */
  minorVersion: 0 | 1 = 1;
  targetForm: TargetForm = 'origin';
  /** Of an absolute-form target; '' for the other forms. */
  scheme: '' | 'http' | 'https' = '';
  /** The request target as sent. */
  target = '';
  /** The path as sent, without the query; never '': `/`, or `*` for a server-wide OPTIONS; '' for CONNECT. */
  path = '';
  /** After the first `?`, as sent; '' when there is none. */
  query = '';
  /** Host, or the authority of an absolute-form or authority-form target, as sent. */
  authority = '';
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
  readonly line = new RequestLine();
  /** Of the target, where it has one: to compare with Host. */
  readonly targetAuthority = new Authority();

  get fields(): Fields {
    return this.#section.fields;
  }

  get controls(): MessageControls {
    return this.#section.controls;
  }

  /**
   * Takes the field lines in bytes [start,end).
   * @param memo where equal ones may be found, or null
   */
  readSection(
    bytes: Buffer,
    start: number,
    end: number,
    limits: HeadLimits,
    memo: RequestMemo | null,
  ): RefusalCode {
    const known = memo === null ? null : memo.find(bytes, start, end);
    if (known !== null) {
      this.#section = known;
    } else {
      this.#own ??= new RequestSection();
      this.#section = this.#own;
      const code = this.#own.read(bytes, start, end, limits.maxHeaders);
      if (code !== RefusalCode.OK) return code;
      if (memo?.wants === true) {
        this.#own.fields.share();
        memo.keep(bytes, start, end, this.#own);
        this.#own = null;
      }
    }
    return this.#takeHost();
  }

  /** Exactly one Host in HTTP/1.1 (RFC 9112 section 3.2). */
  #takeHost(): RefusalCode {
    const { controls, hostAuthority, hostText } = this.#section;
    this.authority = hostText;
    if (controls.hostLines === 0) {
      this.host = '';
      this.port = -1;
      return this.minorVersion === 0 ? RefusalCode.OK : RefusalCode.missingHost;
    }
    this.host = hostAuthority.host;
    this.port = hostAuthority.port;
    return RefusalCode.OK;
  }
}

/**
 * Parses the head of a request (RFC 9112 sections 3 to 6, 9; RFC 9110 section 7).
 * @param buf bytes [start,end) are the whole head, as `HeadScanner` found it. Cheapest with a `start` of 0.
 * @param out is overwritten; of no use unless the result is 0. It keeps no reference to `buf`.
 * @param memo of heads with the same limits, or null
 * @returns 0 or why the request is refused; `refusalStatus` gives the answer's status.
 */
export function readRequestHead(
  buf: Buffer,
  start: number,
  end: number,
  out: RequestHead,
  limits: HeadLimits,
  memo: RequestMemo | null,
): RefusalCode {
  const bytes = start === 0 ? buf : buf.subarray(start);
  return parse(bytes, end - start, out, limits, memo);
}

/** {@link readRequestHead} for a head that is a string already: one character an octet. */
export function parseRequestHead(raw: string, out: RequestHead, limits: HeadLimits): RefusalCode {
  return parse(octetsOf(raw), raw.length, out, limits, null);
}

function parse(
  bytes: Buffer,
  end: number,
  out: RequestHead,
  limits: HeadLimits,
  memo: RequestMemo | null,
): RefusalCode {
  if (!endsWithEmptyLine(bytes, end)) return RefusalCode.headNotTerminated;
  const { line } = out;
  let code = line.parse(bytes, limits.maxTargetBytes);
  if (code !== RefusalCode.OK) return code;
  if (end > limits.maxHeadBytes) return RefusalCode.headTooLarge;
  out.minorVersion = line.minorVersion;
  code = out.readSection(bytes, line.end, end, limits, memo);
  if (code !== RefusalCode.OK) return code;
  out.method = methodAt(bytes, line.methodStart, line.methodEnd);
  code = parseTarget(bytes, out);
  return code === RefusalCode.OK ? takeControls(out) : code;
}

function takeControls(out: RequestHead): RefusalCode {
  const { controls, minorVersion } = out;
  const options = controls.connection;
  const contentBytes = controls.announcedBytes;
  if (controls.checkVersion(minorVersion) !== RefusalCode.OK) return RefusalCode.transferEncodingInHttp10;
  if (contentBytes > 0 && (out.method === 'CONNECT' || out.method === 'TRACE'))
    return RefusalCode.contentNotAllowed;
  out.framing = controls.chunked ? 'chunked' : controls.contentLength === -1 ? 'none' : 'length';
  out.contentLength = controls.chunked || controls.contentLength === -1 ? 0 : controls.contentLength;
  out.keepAlive = persists(options, minorVersion);
  out.connectionTokens = options.names;
  out.expectContinue = false;
  out.upgrade = null;
  if (controls.expectLines !== 0) {
    const code = takeExpect(out, contentBytes);
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

/** `100-continue` is the only expectation there is (RFC 9110 section 10.1.1). */
function takeExpect(out: RequestHead, contentBytes: number): RefusalCode {
  const { controls, fields } = out;
  if (controls.expectLines > 1 || fields.value(controls.expectIndex).toLowerCase() !== '100-continue') {
    return RefusalCode.badExpect;
  }
  out.expectContinue = contentBytes > 0 && out.minorVersion === 1;
  return RefusalCode.OK;
}
