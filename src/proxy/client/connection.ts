import type { Socket } from 'node:net';
import { flat } from '../../lib/flat-text.ts';
import type { ListenerMetrics } from '../../observe/thread-metrics.ts';
import { GatewayError } from '../../pipeline/errors.ts';
import type { ThreadContext } from '../context.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ExchangePool } from '../exchange/pool.ts';
import { recordRefusal } from '../exchange/record.ts';
import { untrustedIdentityText } from '../forward/identity.ts';
import { RequestReader } from '../http1/head-reader.ts';
import { NEED_MORE } from '../http1/head-scanner.ts';
import { RefusalCode, refusalOf, refusalStatus } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { Output } from '../output.ts';
import { cut } from '../socket.ts';
import { WheelNode } from '../wheel.ts';
import { BodyReader } from './body-reader.ts';
import { ReadGate } from './read-gate.ts';
import { refusalText } from './refusal.ts';
import type { ClientTransport } from './transport.ts';

/** How long a closing connection waits for the client to read the last answer and close. */
const LINGER_MS = 2000;

/**
 * `head`     waiting for, or in the middle of, a request's head
 * `body`     reading a request's body
 * `busy`     the request is read, its answer is not complete
 * `discard`  answered early; the rest of the body is thrown away
 * `tunnel`   upgraded: bytes pass as they are
 * `closing`  nothing more is served; waiting for the client to close
 * `closed`
 */
type State = 'head' | 'body' | 'busy' | 'discard' | 'tunnel' | 'closing' | 'closed';

/** What a listener lends to its connections. */
export interface ClientConnectionOwner {
  readonly context: ThreadContext;
  readonly name: string;
  readonly metrics: ListenerMetrics;
  readonly exchanges: ExchangePool;
  onConnectionClosed(connection: ClientConnection): void;
}

/** One client connection (RFC 9112 section 9): serves its requests one after another, in order. */
export class ClientConnection extends WheelNode {
  readonly context: ThreadContext;
  readonly listener: string;
  readonly output: Output;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly trusted: boolean;
  readonly transport: ClientTransport;
  /** When it could carry a request. */
  readonly openedAtMs: number;
  /** Requests begun. */
  requests = 0;
  /** The client has said that it sends no more. */
  peerEnded = false;
  readonly #socket: Socket;
  readonly #owner: ClientConnectionOwner;
  readonly #gate: ReadGate;
  readonly #reader: RequestReader;
  readonly #body = new BodyReader();
  #state: State = 'head';
  #exchange: RequestExchange | null = null;
  #reading = false;
  /** Where the next request would begin is unknown. */
  #mustClose = false;
  #countedBytes = 0;
  /** Bytes not yet taken by the kernel when a closing connection was last looked at. */
  #unwrittenBytes = 0;
  #identityAuthority = '';
  #identityText = '';

  constructor(
    owner: ClientConnectionOwner,
    socket: Socket,
    peer: { address: string; port: number },
    transport: ClientTransport,
  ) {
    super();
    this.#owner = owner;
    this.context = owner.context;
    this.listener = owner.name;
    this.#socket = socket;
    this.transport = transport;
    this.output = new Output(socket);
    this.peerAddress = peer.address;
    this.peerPort = peer.port;
    this.trusted = this.context.isTrusted(peer.address);
    this.#gate = new ReadGate(socket);
    this.#reader = new RequestReader(this.context.settings.limits, this.context.requestMemo);
    socket
      .on('end', () => this.#onEnd())
      .on('error', () => this.#onClosed())
      .on('close', () => this.#onClosed())
      .on('drain', () => this.#onDrain())
      .on('finish', () => this.#onFinished());
    this.openedAtMs = this.context.wheel.touch();
    this.context.wheel.arm(this, this.context.settings.timeouts.headMs);
  }

  /** No request is under way and none has begun to arrive. */
  get idle(): boolean {
    return this.#state === 'head' && !this.#reader.waiting;
  }

  /** The identity lines of this peer, which is not trusted. Nearly always all its requests are for one authority. */
  identityText(authority: string): string {
    if (authority !== this.#identityAuthority || this.#identityText === '') {
      this.#identityAuthority = authority;
      this.#identityText = flat(untrustedIdentityText(this.peerAddress, this.transport.scheme, authority));
    }
    return this.#identityText;
  }

  /** Inside a read: whoever writes need not flush, the end of the read does. */
  get reading(): boolean {
    return this.#reading;
  }

  /** Whether the whole body of the request under way has been read. */
  get requestComplete(): boolean {
    return this.#state !== 'body';
  }

  /** Reads `buf[0, length)`, which may be overwritten after the call. */
  onRead(buf: Buffer, length: number): void {
    this.#owner.metrics.receivedBytes.add(length);
    if (this.#reading || this.#gate.shut) {
      this.#hold(buf, 0, length);
      return;
    }
    this.#read(buf, length);
  }

  onDeadline(): void {
    switch (this.#state) {
      case 'head':
        if (this.#reader.begun) this.#refuse(RefusalCode.headTimeout);
        else this.close();
        return;
      case 'discard':
        this.close();
        return;
      case 'closing':
        this.#lingerOn();
        return;
      default:
    }
  }

  /** The client has not closed in time. What the kernel holds for it is still delivered after this. */
  #lingerOn(): void {
    const left = this.output.unsentBytes;
    if (left > 0 && left < this.#unwrittenBytes) {
      // It reads, slowly: the last answer is not cut short.
      this.#unwrittenBytes = left;
      this.context.wheel.arm(this, this.#patienceMs());
      return;
    }
    this.#socket.destroy();
    this.#onClosed();
  }

  #patienceMs(): number {
    return this.context.settings.timeouts.bodyIdleMs || LINGER_MS;
  }

  /** All is written, FIN included: from here on the client has a moment to close. */
  #onFinished(): void {
    if (this.#state === 'closing') this.context.wheel.arm(this, LINGER_MS);
  }

  #onDrain(): void {
    this.#exchange?.onClientWritable();
    if (this.#state === 'head') this.#pump();
  }

  /** A request is under way. */
  get serving(): boolean {
    return this.#exchange !== null;
  }

  /** The answer under way is the last: what follows the request can't be trusted, or is not worth reading. */
  closeAfterAnswer(): void {
    this.#mustClose = true;
  }

  mayKeepAlive(head: RequestHead): boolean {
    if (!head.keepAlive || this.#mustClose || this.context.draining) return false;
    if (this.peerEnded && this.#gate.empty) return false;
    if (this.#state === 'body' && this.#body.isLong(head)) return false;
    const max = this.context.settings.limits.maxRequestsPerConnection;
    return max === 0 || this.requests < max;
  }

  /** The client may or may not send its body now: only closing tells the two apart. */
  awaitsContinue(head: RequestHead): boolean {
    return head.expectContinue && this.#state === 'body' && this.#body.untouched;
  }

  /** The exchange takes the body from now on. */
  startBody(): void {
    if (this.#body.wanted || this.#state !== 'body') return;
    this.#body.wanted = true;
    if (!this.#reading) this.#pump();
  }

  /** The exchange can't take more of the body now. */
  stopBody(): void {
    if (this.#state !== 'body') return;
    this.#body.wanted = false;
    this.#gate.stop();
  }

  /** From now on bytes go to the exchange as they are. */
  becomeTunnel(): void {
    this.#state = 'tunnel';
    if (this.#reading) return;
    this.#pump();
    if (this.peerEnded && this.#gate.empty) this.#exchange?.onTunnelEnd();
  }

  pauseTunnel(): void {
    this.#gate.stop();
  }

  resumeTunnel(): void {
    this.#pump();
  }

  /** Sends FIN, once everything is written. */
  endTunnel(): void {
    this.output.flush();
    this.#socket.end();
  }

  /** Nobody looks at it any more: it may serve another request. */
  releaseExchange(x: RequestExchange): void {
    this.#owner.exchanges.release(x);
  }

  /** The answer is complete. */
  onExchangeDone(keepAlive: boolean): void {
    this.#exchange = null;
    this.#body.wanted = false;
    this.output.flush();
    this.#countSent();
    if (this.#state === 'closed') return;
    const { wheel, settings } = this.context;
    if (!keepAlive || (this.peerEnded && this.#gate.empty)) {
      this.close();
    } else if (this.#state === 'body') {
      this.#state = 'discard';
      wheel.arm(this, LINGER_MS);
    } else {
      this.#state = 'head';
      wheel.arm(this, settings.timeouts.idleMs);
    }
    if (!this.#reading) this.#pump();
  }

  /** Lets the client read what was sent: FIN, then wait a while for its own (RFC 9112 section 9.6). */
  close(): void {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#state = 'closing';
    this.#gate.take();
    this.output.flush();
    this.#socket.end();
    this.#gate.open();
    const { unsentBytes } = this.output;
    this.#unwrittenBytes = unsentBytes;
    this.context.wheel.arm(this, unsentBytes > 0 ? this.#patienceMs() : LINGER_MS);
  }

  /** Cuts it: the client must not take what it got for the whole. */
  destroy(): void {
    if (this.#state === 'closed') return;
    cut(this.#socket);
    this.#onClosed();
  }

  #read(buf: Buffer, length: number): void {
    this.#reading = true;
    this.context.wheel.touch();
    this.#consume(buf, length);
    this.#reading = false;
    this.output.flush();
    this.#exchange?.onReadEnd();
    // What was held has been read, and no more comes: an unfinished request never will be.
    if (this.peerEnded && this.#gate.empty && this.#state !== 'tunnel') this.#onEnd();
  }

  /** Goes on with what was held back. */
  #pump(): void {
    while (this.#takesBytes()) {
      const held = this.#gate.take();
      if (held === null) break;
      this.#read(held, held.length);
    }
    if (this.#gate.empty && (this.#takesBytes() || this.#state === 'busy')) this.#gate.open();
  }

  #takesBytes(): boolean {
    switch (this.#state) {
      case 'head':
        // Whoever does not read answers gets no more of them.
        return !this.#socket.writableNeedDrain;
      case 'body':
        return this.#body.wanted;
      default:
        return this.#state !== 'busy' && this.#state !== 'closed';
    }
  }

  #consume(buf: Buffer, end: number): void {
    let pos = 0;
    while (pos < end) {
      if (!this.#takesBytes()) {
        this.#hold(buf, pos, end);
        return;
      }
      switch (this.#state) {
        case 'head':
          pos = this.#readHead(buf, pos, end);
          break;
        case 'body':
          pos = this.#readBody(buf, pos, end);
          break;
        case 'discard':
          pos = this.#discard(buf, pos, end);
          break;
        case 'tunnel':
          this.#exchange?.onTunnelData(buf, pos, end);
          return;
        default:
          return;
      }
    }
  }

  /** The rest of a body waits in the client; of what may be a next request, a little is taken. */
  #hold(buf: Buffer, from: number, to: number): void {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#gate.hold(buf, from, to);
    if (this.#state === 'body' || this.#state === 'head') this.#gate.stop();
  }

  #readHead(buf: Buffer, pos: number, end: number): number {
    const { wheel, settings } = this.context;
    const waited = this.#reader.waiting;
    const past = this.#reader.read(buf, pos, end);
    if (past === NEED_MORE) {
      if (!waited) wheel.arm(this, settings.timeouts.headMs);
      return end;
    }
    if (past < 0) {
      this.#refuse(refusalOf(past));
      return end;
    }
    wheel.disarm(this);
    const x = this.#owner.exchanges.acquire(this);
    const code = this.#reader.parse(buf, x.request.head);
    if (code !== RefusalCode.OK) {
      this.#owner.exchanges.release(x);
      this.#refuse(code);
      return end;
    }
    this.#begin(x);
    return past;
  }

  #begin(x: RequestExchange): void {
    const { head } = x.request;
    this.requests++;
    this.#exchange = x;
    this.#state = this.#body.begin(head, this.context.settings.limits) ? 'body' : 'busy';
    try {
      x.begin();
    } catch (error) {
      this.context.onFault(error);
      x.fail(new GatewayError('gateway', 'internal', false, 'an exception'), 500, 'The gateway failed.');
    }
  }

  #readBody(buf: Buffer, pos: number, end: number): number {
    const x = this.#exchange!;
    const next = this.#body.read(buf, pos, end, x);
    if (this.#exchange !== x) return this.#state === 'discard' ? Math.max(next, pos) : end;
    if (next < 0) {
      this.#mustClose = true;
      x.onRequestRefused(refusalOf(next));
      return end;
    }
    if (this.#body.done) {
      this.#state = 'busy';
      x.onRequestEnd(this.#body.trailers);
    }
    return next;
  }

  #discard(buf: Buffer, pos: number, end: number): number {
    const next = this.#body.discard(buf, pos, end);
    if (next < 0) {
      this.close();
      return end;
    }
    if (this.#body.done) {
      this.#state = 'head';
      this.context.wheel.arm(this, this.context.settings.timeouts.idleMs);
    }
    return next;
  }

  /** Answers what is not a request that can be served, and closes. */
  #refuse(code: RefusalCode): void {
    this.output.text(refusalText(code, this.context.settings.serverHeader));
    recordRefusal(this, refusalStatus(code));
    this.close();
  }

  #onEnd(): void {
    this.peerEnded = true;
    switch (this.#state) {
      case 'head':
      case 'discard':
        this.close();
        return;
      case 'body':
        // Half a request: nobody may take it for a whole one.
        this.#exchange?.onClientGone();
        this.destroy();
        return;
      case 'tunnel':
        this.#exchange?.onTunnelEnd();
        return;
      default:
    }
  }

  #onClosed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#gate.take();
    this.context.wheel.remove(this);
    const x = this.#exchange;
    this.#exchange = null;
    x?.onClientGone();
    if (!this.#socket.destroyed) this.#socket.destroy();
    this.#countSent();
    this.#owner.onConnectionClosed(this);
  }

  #countSent(): void {
    this.#owner.metrics.sentBytes.add(this.output.writtenBytes - this.#countedBytes);
    this.#countedBytes = this.output.writtenBytes;
  }
}
