import type { BodyLength } from '../body/flow-ends.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import { type CopyRules, copyLines, dropsOf, HOP_BY_HOP, passableTrailers } from '../forward/header-drops.ts';
import { CHUNK_END, chunkHead, httpDate, lastChunk, statusLine } from '../http1/encode.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/** Server, X-Powered-By and Alt-Svc speak of the backend, not of the gateway. */
const DROPPED = [
  ...HOP_BY_HOP,
  HeaderKind.server,
  HeaderKind.xPoweredBy,
  HeaderKind.altSvc,
  HeaderKind.xGatewayResponseTime,
];
const WITH_VIA: CopyRules = { drops: dropsOf(DROPPED), dropUnderscores: false };
const WITHOUT_VIA: CopyRules = { drops: dropsOf([...DROPPED, HeaderKind.via]), dropUnderscores: false };
/** The length that the backend states is not that of what is sent. */
const NEW_LENGTH: CopyRules = {
  drops: dropsOf([...DROPPED, HeaderKind.contentLength]),
  dropUnderscores: false,
};
const NEW_LENGTH_WITHOUT_VIA: CopyRules = {
  drops: dropsOf([...DROPPED, HeaderKind.via, HeaderKind.contentLength]),
  dropUnderscores: false,
};

/** How the client learns where the body ends. */
type Mode = 'none' | 'length' | 'chunked' | 'close';

/** Writes one answer to the client. */
export class Answer {
  /** A byte of the final head was written: from here on a failure can only cut the connection. */
  started = false;
  /** The connection can carry another request after this answer. */
  keepAlive = false;
  bodyBytes = 0;
  #mode: Mode = 'none';
  readonly #x: RequestExchange;

  constructor(x: RequestExchange) {
    this.#x = x;
  }

  reset(): void {
    this.started = false;
    this.keepAlive = false;
    this.bodyBytes = 0;
    this.#mode = 'none';
  }

  /** 100 and 103 go on to clients that can read them (RFC 9110 section 15.2). */
  informational(head: ResponseHead): void {
    const { connection, request } = this.#x;
    if (request.head.minorVersion === 0) return;
    connection.output.text(
      `${statusLine(head.status)}${copyLines(head.fields, WITHOUT_VIA, head.connectionTokens, null)}\r\n`,
    );
  }

  /**
   * The head of the backend's answer, edited by policies.
   * @param length what they have made of its body
   */
  forwardHead(head: ResponseHead, length: BodyLength): void {
    const { response, connection } = this.#x;
    const { settings } = connection.context;
    this.#mode = this.#modeFor(head, response.status, length);
    const edits = response.edited ? response : null;
    const newLength =
      length !== 'asSent' || (this.#mode === 'none' && (head.framing !== 'none' || response.status === 204));
    let text = response.status === head.status ? head.statusLine : statusLine(response.status);
    text += copyLines(head.fields, copyRules(settings.via === null, newLength), head.connectionTokens, edits);
    if (head.fields.findKind(HeaderKind.date) < 0) text += `Date: ${httpDate(Date.now())}\r\n`;
    if (this.#mode === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
    else if (typeof length === 'number' && !isBodiless(response.status))
      text += `Content-Length: ${length}\r\n`;
    text += connection.context.viaLines[head.minorVersion];
    if (edits !== null) text += edits.ownText();
    this.#settleKeepAlive();
    connection.output.text(`${text}${this.#gatewayLines()}\r\n`);
    this.started = true;
  }

  /** 101: the rest of the connection is the tunnel's. */
  switchProtocols(head: ResponseHead): void {
    const { connection } = this.#x;
    const lines = copyLines(head.fields, WITHOUT_VIA, head.connectionTokens, null);
    connection.output.text(
      `${statusLine(101)}${lines}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`,
    );
    this.started = true;
  }

  /** A whole answer of the gateway, head and body. */
  reply(body: string | Uint8Array): void {
    const { connection } = this.#x;
    const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    this.replyHead(bytes.length);
    if (this.#mode === 'none' || bytes.length === 0) return;
    this.bodyBytes = bytes.length;
    connection.output.bytes(bytes, 0, bytes.length);
  }

  /** The head of an answer that the gateway makes; its body follows through `data` and `end`. */
  replyHead(length: number | 'unknown'): void {
    const { response, connection, request } = this.#x;
    const bodiless = isBodiless(response.status);
    if (bodiless || request.method === 'HEAD') this.#mode = 'none';
    else this.#mode = length === 'unknown' ? this.#unknownMode() : 'length';
    let text = `${statusLine(response.status)}${response.ownText()}`;
    if (this.#mode === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
    else if (length !== 'unknown' && !bodiless) text += `Content-Length: ${length}\r\n`;
    this.#settleKeepAlive();
    // What was kept from before has the date of then.
    if (response.header('date') === null) text += `Date: ${httpDate(Date.now())}\r\n`;
    connection.output.text(`${text}${this.#gatewayLines()}\r\n`);
    this.started = true;
  }

  data(buf: Uint8Array, from: number, to: number): void {
    if (this.#mode === 'none') return;
    this.bodyBytes += to - from;
    const { output } = this.#x.connection;
    if (this.#mode !== 'chunked') {
      output.bytes(buf, from, to);
      return;
    }
    output.text(chunkHead(to - from));
    output.bytes(buf, from, to);
    output.text(CHUNK_END);
  }

  end(trailers: string): void {
    if (this.#mode !== 'chunked') return;
    const passed = trailers === '' ? '' : passableTrailers(trailers, this.#x.response, false);
    this.#x.connection.output.text(lastChunk(passed));
  }

  #modeFor(head: ResponseHead, status: number, length: BodyLength): Mode {
    if (head.framing === 'none' || isBodiless(status)) return 'none';
    if (length === 'unknown') return this.#unknownMode();
    if (head.framing === 'length' || length !== 'asSent') return 'length';
    return this.#unknownMode();
  }

  #unknownMode(): Mode {
    return this.#x.request.head.minorVersion === 1 ? 'chunked' : 'close';
  }

  #settleKeepAlive(): void {
    const { connection, request } = this.#x;
    this.keepAlive =
      this.#mode !== 'close' &&
      connection.mayKeepAlive(request.head) &&
      !connection.awaitsContinue(request.head);
  }

  /** What the gateway says on every answer, whoever made it. */
  #gatewayLines(): string {
    const { connection, request, startedAtMs } = this.#x;
    const { settings, wheel } = connection.context;
    let text = '';
    if (settings.serverHeader !== null) text += `Server: ${settings.serverHeader}\r\n`;
    if (settings.responseTimeHeader) {
      text += `X-Gateway-Response-Time: ${(wheel.touch() - startedAtMs).toFixed(3)}\r\n`;
    }
    if (!this.keepAlive) text += 'Connection: close\r\n';
    else if (request.head.minorVersion === 0) text += 'Connection: keep-alive\r\n';
    return text;
  }
}

/** Answers that end with their head (RFC 9110 section 6.4.1). */
function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

function copyRules(dropVia: boolean, newLength: boolean): CopyRules {
  if (newLength) return dropVia ? NEW_LENGTH_WITHOUT_VIA : NEW_LENGTH;
  return dropVia ? WITHOUT_VIA : WITH_VIA;
}
