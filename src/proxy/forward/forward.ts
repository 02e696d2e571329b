import type { CompiledForward } from '../../compile/table.ts';
import { type ErrorOrigin, GatewayError, type GatewayErrorCode } from '../../pipeline/errors.ts';
import type { FlowSink } from '../body/flow-ends.ts';
import { sendAnswer } from '../body/send.ts';
import { runResponseSteps } from '../exchange/chain.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import { Leftover } from '../upstream/leftover.ts';
import { chooseCluster } from './choose.ts';
import { statusOf } from './failure.ts';
import { startMirrors } from './mirror.ts';
import { RequestBody } from './request-body.ts';
import { rewrittenPath } from './rewrite.ts';
import { Tries, type TriesOwner } from './tries.ts';
import { Tunnel } from './tunnel.ts';

type Forwarding = CompiledForward<UpstreamCluster>;

/**
 * Sends an exchange's request to a backend and its answer back. Bodies flow in both directions at once, each stopped
 * while its reader is slow; after a 101 the tunnel takes over.
 */
export class Forward implements TriesOwner, FlowSink {
  readonly tries: Tries;
  tunnel: Tunnel | null = null;
  readonly #x: RequestExchange;
  readonly #body: RequestBody;
  #action: Forwarding | null = null;
  #path = '';
  /** The head of an answer was taken: there will be no other try. */
  #answered = false;

  constructor(x: RequestExchange) {
    this.#x = x;
    this.#body = new RequestBody(x);
    this.tries = new Tries(x, this, this.#body);
  }

  /** Forgets the exchange before; called when the next one begins. */
  reset(): void {
    this.tunnel = null;
    this.#action = null;
    this.#answered = false;
    this.#body.reset();
    this.tries.reset();
  }

  /** The request's time runs while policies wait, too. */
  armRequestDeadline(): void {
    const { deadlines } = this.tries;
    const { action } = this.#x.entry!.rule;
    const { timeouts } = this.#x.connection.context.settings;
    const limitMs = action.kind === 'forward' ? action.requestTimeoutMs : timeouts.requestMs;
    const waitsForBody = this.#x.bodies.requestFlow?.reading === true;
    deadlines.idleMs = waitsForBody ? this.#idleMs() : 0;
    if (limitMs !== 0) deadlines.requestAtMs = this.#x.startedAtMs + limitMs;
    if (limitMs !== 0 || waitsForBody) deadlines.arm();
  }

  /** The answer goes on after the backend has said all of it: the client must take it in time. */
  watchAnswer(): void {
    const { deadlines } = this.tries;
    const { wheel } = this.#x.connection.context;
    if (!deadlines.running) deadlines.begin(wheel);
    if (this.#x.entry !== null) this.armRequestDeadline();
    deadlines.idleMs = this.#idleMs();
    deadlines.arm();
  }

  #idleMs(): number {
    const { entry, connection } = this.#x;
    const action = entry?.rule.action;
    return action?.kind === 'forward'
      ? action.idleTimeoutMs
      : connection.context.settings.timeouts.bodyIdleMs;
  }

  start(action: Forwarding): void {
    const x = this.#x;
    this.#action = action;
    const path = rewrittenPath(x, action);
    if (path === null) {
      this.#refuse('client', 'rewriteRefused', 400, 'The rewritten path is ambiguous.');
      return;
    }
    if (action.ir.maxBodyBytes !== null && x.request.head.contentLength > action.ir.maxBodyBytes) {
      this.refuseBody();
      return;
    }
    const cluster = chooseCluster(action);
    if (cluster === null) {
      this.onGivenUp(new GatewayError('upstream', 'noEndpoint', true, 'no backend has any weight'));
      return;
    }
    this.#path = path;
    const { retry, hedge, mirrors } = action.ir;
    this.#body.begin(retry !== null || hedge !== null || mirrors.length > 0);
    if (mirrors.length > 0 && this.#body.done) startMirrors(x, action, path, this.#body);
    this.tries.start(action, cluster, path);
  }

  /** What is sent of the request's body. */
  get body(): RequestBody {
    return this.#body;
  }

  /** Stops whatever is under way; nothing is answered. */
  cancel(): void {
    this.tunnel?.cut();
    this.tries.cancel();
    this.#body.forget();
  }

  /** Another answer takes the place of the backend's. One that ends with its head leaves its connection for others. */
  dismiss(): void {
    const { connection } = this.tries;
    if (connection === null || connection.head.framing !== 'none' || !this.#body.done || !this.#answered) {
      this.cancel();
      return;
    }
    this.#body.forget();
    this.tries.leave();
    connection.handOver(new Leftover(connection));
    connection.resume();
  }

  // --- request body

  onRequestData(buf: Uint8Array, from: number, to: number): void {
    const { maxBodyBytes } = this.#action!.ir;
    if (maxBodyBytes !== null && this.#x.requestBytes > maxBodyBytes) this.refuseBody();
    else this.#body.write(buf, from, to);
  }

  // A body that passes policies comes this way.

  write(buf: Uint8Array, from: number, to: number): void {
    this.#body.write(buf, from, to);
  }

  flush(): boolean {
    const { connection, deadlines } = this.tries;
    if (connection === null) return false;
    deadlines.moved(this.#x.connection.context.wheel.touch());
    return connection.output.flush();
  }

  end(trailers: string): void {
    this.onRequestEnd(trailers);
    this.tries.connection?.output.flush();
  }

  onRequestEnd(trailers: string): void {
    this.#body.end(trailers);
    this.tries.deadlines.moved(this.#x.connection.context.wheel.nowMs);
    const action = this.#action!;
    if (action.mirrors.length > 0) startMirrors(this.#x, action, this.#path, this.#body);
  }

  /** The bytes of one read of the client have been passed on. */
  onRequestReadEnd(): void {
    const { connection, deadlines } = this.tries;
    if (connection === null) return;
    const free = connection.output.flush();
    if (this.#body.done) return;
    deadlines.moved(this.#x.connection.context.wheel.nowMs);
    if (!free) this.#x.bodies.stopRequest();
  }

  onWritable(): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.touch());
    if (!this.#body.done) this.#x.bodies.startRequest(this);
  }

  // --- answer

  onInformational(head: ResponseHead): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.nowMs);
    // It has been said already.
    if (head.status === 100 && this.#x.bodies.continued) return;
    this.#x.answer.informational(head);
    this.#x.connection.output.flush();
  }

  onHead(head: ResponseHead): boolean {
    const x = this.#x;
    if (!this.tries.takes(head)) return false;
    if (head.status === 101) return this.#openTunnel(head);
    this.#answered = true;
    this.#body.forget();
    x.response.useHead(head);
    if (x.entry!.rule.onResponse === null) {
      x.answer.forwardHead(head, 'asSent');
      return true;
    }
    return this.#runResponseSteps();
  }

  #runResponseSteps(): boolean {
    const x = this.#x;
    let waited = false;
    const sent = runResponseSteps(x, () => {
      sendAnswer(x);
      if (!waited || x.done || x.bodies.responseFlow !== null) return;
      x.connection.output.flush();
      this.tries.connection?.resume();
    });
    waited = true;
    return sent || x.bodies.responseFlow?.flowing === true;
  }

  onData(buf: Uint8Array, from: number, to: number): void {
    const x = this.#x;
    if (x.done) return;
    if (x.bodies.responseFlow === null) x.answer.data(buf, from, to);
    else x.bodies.responseFlow.onData(buf, from, to);
  }

  onReadEnd(): void {
    const { connection, bodies } = this.#x;
    this.tries.deadlines.moved(connection.context.wheel.nowMs);
    if (bodies.responseFlow !== null) bodies.responseFlow.onReadEnd();
    else if (!connection.output.flush()) this.tries.connection?.pause();
  }

  onClientWritable(): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.touch());
    const { answer, bodies } = this.#x;
    if (this.tunnel !== null) this.tunnel.onClientWritable();
    else if (bodies.responseFlow !== null) bodies.responseFlow.resume();
    else if (answer.started) this.tries.connection?.resume();
  }

  /** An answer may end before the request has: then the connection is of no more use. */
  onAnswerEnd(trailers: string): void {
    const x = this.#x;
    const connection = this.tries.connection!;
    const flow = x.bodies.responseFlow;
    if (flow === null) {
      x.answer.end(trailers);
      this.tries.leave();
    } else {
      // Policies may still be at it: the connection is free, what they hold of it is theirs.
      if (!x.answer.started) connection.leaveHead();
      this.tries.leaveBackend();
    }
    if (this.#body.done) connection.endpoint.release(connection);
    else connection.destroy();
    if (flow === null) x.finish();
    else flow.onEnd(trailers);
  }

  onFailure(error: GatewayError): void {
    const diedIdle = this.tries.connection?.diedIdle ?? false;
    if (this.#answered) {
      this.tries.leave();
      this.onGivenUp(error);
    } else {
      this.tries.fail(error, diedIdle);
    }
  }

  onGivenUp(error: GatewayError): void {
    this.#body.forget();
    const { status, detail } = statusOf(error);
    this.#x.fail(error, status, detail);
  }

  #openTunnel(head: ResponseHead): boolean {
    const x = this.#x;
    const { tries } = this;
    const connection = tries.connection!;
    if (x.upgrade === null) {
      // Nobody asked for it (RFC 9110 section 15.2.2).
      connection.destroy();
      tries.fail(new GatewayError('upstream', 'upstreamInvalid', false, '101 without Upgrade'), false);
      return false;
    }
    // The tunnel keeps the connection and its place at the endpoint.
    tries.connection = null;
    tries.deadlines.end();
    x.response.useHead(head);
    this.tunnel = new Tunnel(x, connection, () => tries.leave());
    this.tunnel.open(head);
    return true;
  }

  // --- refusals

  refuseBody(): void {
    this.#x.connection.closeAfterAnswer();
    this.#refuse('client', 'clientBodyTooLarge', 413, 'The request body is larger than the limit.');
  }

  #refuse(origin: ErrorOrigin, code: GatewayErrorCode, status: number, detail: string): void {
    this.cancel();
    this.#x.fail(new GatewayError(origin, code, false, detail), status, detail);
  }
}
