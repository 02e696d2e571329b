import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { GatewayError } from '../../pipeline/errors.ts';
import { HeldBytes } from '../held-bytes.ts';
import { BodyDecoder } from '../http1/body-decoder.ts';
import { ResponseReader } from '../http1/head-reader.ts';
import { NEED_MORE } from '../http1/head-scanner.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import { refusalMessage, refusalOf } from '../http1/refusal.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { Output } from '../output.ts';
import { type ReadHandler, readInto } from '../socket.ts';
import { WheelNode } from '../wheel.ts';
import type { AnswerHandler } from './answer-handler.ts';
import type { Endpoint } from './endpoint.ts';

/** Interim answers to one request; more is a flood (RFC 9110 section 15.2 sets no bound). */
const MAX_INFORMATIONAL = 16;

/** How long a connection that is ending may go without its peer taking anything. */
const END_TIMEOUT_MS = 10_000;

type State = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed';

/**
 * One connection to an endpoint. States:
 * `connecting` → `idle` ⇄ (`head` → `body`) → `closed`; `head` → `tunnel` → `closed` after a 101.
 */
export class UpstreamConnection extends WheelNode {
  readonly endpoint: Endpoint;
  readonly socket: Socket;
  readonly output: Output;
  /** Of the answer under way; valid until the connection is released. */
  head = new ResponseHead();
  /** Requests sent over it; 1 while the first is under way. */
  requests = 0;
  state: State = 'connecting';
  /** `Keep-Alive: timeout=N` of its first answer; -1: none. */
  keepAliveHintMs = -1;
  /** Set when the backend said so, or when bytes came that nobody asked for. */
  reusable = true;
  #handler: AnswerHandler | null = null;
  #method = '';
  #interims = 0;
  #anyByte = false;
  readonly #reader: ResponseReader;
  readonly #decoder = new BodyDecoder();
  /** Bytes that came while the handler was not ready for them. */
  readonly #held = new HeldBytes();
  #holding = false;

  constructor(endpoint: Endpoint) {
    super();
    this.endpoint = endpoint;
    this.#reader = new ResponseReader(endpoint.pool.limits, endpoint.pool.responseMemo);
    this.socket = openSocket(endpoint, (buf, length) => this.#read(buf, length));
    this.output = new Output(this.socket);
    this.socket
      .on(endpoint.tls === null ? 'connect' : 'secureConnect', () => this.#onConnected())
      .on('end', () => this.#onEnd())
      .on('error', (error) => this.#onClosed(error))
      .on('close', () => this.#onClosed(null))
      .on('drain', () => this.#handler?.onWritable());
  }

  /** Fires when connecting takes too long, or when it has been idle for long enough. */
  onDeadline(): void {
    if (this.state === 'connecting') {
      this.#onClosed(new GatewayError('upstream', 'connectTimeout', true, 'no connection in time'));
    } else if (this.state === 'idle') {
      this.endpoint.discardIdle(this);
    }
  }

  /** Begins a request; its head goes out through `output`. */
  begin(handler: AnswerHandler, method: string): void {
    this.#handler = handler;
    this.#method = method;
    this.#interims = 0;
    this.#anyByte = false;
    this.requests++;
    this.state = 'head';
  }

  /** Another one takes the answer under way. */
  handOver(handler: AnswerHandler): void {
    this.#handler = handler;
  }

  /** The answer is complete and the handler has let go. */
  finish(): void {
    this.#handler = null;
    this.state = 'idle';
  }

  /** Whoever looks at the head goes on doing so: the next answer gets another. */
  leaveHead(): void {
    this.head = new ResponseHead();
  }

  /** No bytes are read until `resume`. */
  pause(): void {
    this.#holding = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#holding) return;
    this.#holding = false;
    const held = this.#held.take();
    if (held !== null) this.#consume(held, 0, held.length);
    else this.#settle();
    if (!this.#holding && this.state !== 'closed') this.socket.resume();
  }

  /** From now on bytes pass as they are; call `resume` to let them. */
  becomeTunnel(handler: AnswerHandler): void {
    this.state = 'tunnel';
    this.#handler = handler;
  }

  /** Ends it when all that was written has gone out; whoever does not take it is not waited for long. */
  endSoon(): void {
    this.#handler = null;
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.socket.setTimeout(END_TIMEOUT_MS, () => this.socket.destroy());
    this.socket.destroySoon();
    this.endpoint.onConnectionClosed(this);
  }

  /** Ends it now, whatever is under way; the handler is not told. */
  destroy(): void {
    this.#handler = null;
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.socket.destroy();
    this.endpoint.onConnectionClosed(this);
  }

  #onConnected(): void {
    if (this.state === 'connecting') this.endpoint.onConnected(this);
  }

  /** A fault of ours costs this request, never the thread and the others on it. */
  #read(buf: Buffer, length: number): void {
    try {
      this.#onRead(buf, length);
    } catch (error) {
      this.endpoint.pool.onFault(error);
      this.#fail(new GatewayError('gateway', 'internal', false, 'an exception while reading the answer'));
    }
  }

  #onRead(buf: Buffer, length: number): void {
    this.endpoint.pool.wheel.touch();
    if (this.state === 'idle' || this.state === 'closed') {
      // Bytes that no request asked for: an answer to come would be taken for the wrong request's.
      this.reusable = false;
      if (this.state === 'idle') this.endpoint.discardIdle(this);
      return;
    }
    this.#consume(buf, 0, length);
  }

  #consume(buf: Buffer, start: number, end: number): void {
    const turn = this.requests;
    let pos = start;
    while (pos < end) {
      if (this.#holding) {
        this.#held.add(buf, pos, end);
        return;
      }
      if (this.state === 'head') pos = this.#readHead(buf, pos, end);
      else if (this.state === 'body') pos = this.#readBody(buf, pos, end);
      else if (this.state === 'tunnel') {
        this.#handler?.onData(buf, pos, end);
        pos = end;
      } else return;
      if (!this.#serves(turn)) return;
      // More than the answer belongs to no request.
      if (pos < end && this.state === 'body' && this.#decoder.done) this.reusable = false;
      this.#settle();
    }
    if (this.#serves(turn)) this.#handler?.onReadEnd();
  }

  /** Still the same request, and somebody wants its answer. */
  #serves(turn: number): boolean {
    return this.requests === turn && this.#handler !== null;
  }

  /** Ends the answer if all of it has been delivered. */
  #settle(): void {
    if (this.state !== 'body' || this.#holding || !this.#decoder.done) return;
    this.#complete();
  }

  #complete(): void {
    this.state = 'idle';
    this.#handler?.onAnswerEnd(this.#decoder.trailers);
  }

  #readHead(buf: Buffer, pos: number, end: number): number {
    this.#anyByte = true;
    const past = this.#reader.read(buf, pos, end);
    if (past === NEED_MORE) return end;
    if (past < 0) {
      this.#refuse(refusalMessage(refusalOf(past)));
      return end;
    }
    const code = this.#reader.parse(buf, this.#method, this.head);
    if (code !== 0) {
      this.#refuse(refusalMessage(code));
      return end;
    }
    this.#onHead();
    return past;
  }

  #onHead(): void {
    const head = this.head;
    const handler = this.#handler;
    if (handler === null) return;
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interims > MAX_INFORMATIONAL) this.#refuse('too many interim answers');
      else handler.onInformational(head);
      return;
    }
    if (!head.keepAlive) this.reusable = false;
    if (this.requests === 1) this.keepAliveHintMs = keepAliveHintMs(head);
    this.state = 'body';
    this.#decoder.reset(head.framing, head.contentLength, this.endpoint.pool.limits);
    const turn = this.requests;
    // What follows a 101 is another protocol: it waits until the tunnel stands.
    if (head.status === 101) this.pause();
    if (!handler.onHead(head) && this.#serves(turn)) this.pause();
  }

  #readBody(buf: Buffer, pos: number, end: number): number {
    const next = this.#decoder.execute(buf, pos, end, this.#handler!);
    if (next < 0) {
      this.#refuse(refusalMessage(refusalOf(next)));
      return end;
    }
    return next;
  }

  #refuse(why: string): void {
    this.#fail(new GatewayError('upstream', 'upstreamInvalid', false, why));
  }

  /** The backend sends no more. */
  #onEnd(): void {
    const handler = this.#handler;
    if (this.state === 'tunnel') {
      handler?.onAnswerEnd('');
      return;
    }
    if (this.state === 'body' && this.head.framing === 'close' && handler !== null) {
      this.reusable = false;
      this.#complete();
      return;
    }
    this.#onClosed(null);
  }

  #onClosed(error: Error | null): void {
    if (this.state === 'closed') return;
    if (this.state === 'connecting') {
      const failure =
        error instanceof GatewayError
          ? error
          : new GatewayError('upstream', 'connectFailed', true, error?.message ?? 'closed while connecting');
      this.destroy();
      this.endpoint.onConnectFailed(failure);
      return;
    }
    if (this.state === 'idle') {
      this.endpoint.discardIdle(this);
      return;
    }
    const code = this.state === 'head' ? 'upstreamReset' : 'upstreamTruncated';
    const untouched = this.state === 'head' && !this.#anyByte && this.requests > 1;
    this.#fail(
      new GatewayError('upstream', code, false, error?.message ?? 'closed by the backend'),
      untouched,
    );
  }

  /** True in the failure of a reused connection that died before any byte of an answer. */
  diedIdle = false;

  #fail(error: GatewayError, diedIdle = false): void {
    const handler = this.#handler;
    this.diedIdle = diedIdle;
    this.destroy();
    handler?.onFailure(error);
  }
}

/** The backend's own idle limit, which it may announce (RFC 2068 section 19.7.1.1); -1: it says nothing. */
function keepAliveHintMs(head: ResponseHead): number {
  const at = head.fields.findKind(HeaderKind.keepAlive);
  if (at < 0) return -1;
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i.exec(head.fields.value(at))?.[1];
  return seconds === undefined ? -1 : Number(seconds) * 1000;
}

function openSocket(endpoint: Endpoint, handler: ReadHandler): Socket {
  const { address, port, tls, pool } = endpoint;
  const common = {
    ...{ host: address, port, lookup: pool.lookup },
    ...({ noDelay: true, keepAlive: true, allowHalfOpen: true } as const),
  };
  if (tls === null) return connectTcp({ ...common, onread: readInto(handler) });
  const servername = isIP(tls.serverName) === 0 ? tls.serverName : '';
  return connectTls({ ...common, servername, ALPNProtocols: ['http/1.1'] }).on('data', (chunk: Buffer) =>
    handler(chunk, chunk.length),
  );
}
