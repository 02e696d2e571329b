import type { CompiledForward } from '../../compile/table.ts';
import { normalizePath } from '../../lib/path.ts';
import { type ErrorOrigin, GatewayError, type GatewayErrorCode } from '../../pipeline/errors.ts';
import { runResponseSteps } from '../exchange/chain.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import { chooseCluster } from './choose.ts';
import { statusOf } from './failure.ts';
import { startMirrors } from './mirror.ts';
import { RequestBody } from './request-body.ts';
import { Tries, type TriesOwner } from './tries.ts';
import { Tunnel } from './tunnel.ts';

type Forwarding = CompiledForward<UpstreamCluster>;

/**
 * Sends an exchange's request to a backend and its answer back. Bodies flow in both directions at once, each stopped
 * while its reader is slow; after a 101 the tunnel takes over.
 */
export class Forward implements TriesOwner {
  readonly tries: Tries;
  tunnel: Tunnel | null = null;
  readonly #x: RequestExchange;
  readonly #body: RequestBody;
  #action: Forwarding | null = null;
  #path = '';

  constructor(x: RequestExchange) {
    this.#x = x;
    this.#body = new RequestBody(x);
    this.tries = new Tries(x, this, this.#body);
  }

  /** Forgets the exchange before; called when the next one begins. */
  reset(): void {
    this.tunnel = null;
    this.#action = null;
    this.tries.reset();
  }

  /** The request's time runs while policies wait, too. */
  armRequestDeadline(): void {
    const { action } = this.#x.entry!.rule;
    const { timeouts } = this.#x.connection.context.settings;
    const limitMs = action.kind === 'forward' ? action.requestTimeoutMs : timeouts.requestMs;
    if (limitMs === 0) return;
    this.tries.deadlines.requestAtMs = this.#x.startedAtMs + limitMs;
    this.tries.deadlines.arm();
  }

  start(action: Forwarding): void {
    const x = this.#x;
    this.#action = action;
    const path = action.rewritePath === null ? x.request.path : rewritten(x, action.rewritePath);
    if (path === null) {
      this.#refuse('client', 'rewriteRefused', 400, 'The rewritten path is ambiguous.');
      return;
    }
    if (action.ir.maxBodyBytes !== null && x.request.head.contentLength > action.ir.maxBodyBytes) {
      this.#refuseBody();
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
    if (mirrors.length > 0 && this.#body.done) startMirrors(x, action, path, null);
    this.tries.start(action, cluster, path);
  }

  /** Stops whatever is under way; nothing is answered. */
  cancel(): void {
    this.tunnel?.cut();
    this.tries.cancel();
    this.#body.forget();
  }

  // --- request body

  onRequestData(buf: Uint8Array, from: number, to: number): void {
    const { maxBodyBytes } = this.#action!.ir;
    if (maxBodyBytes !== null && this.#x.requestBytes > maxBodyBytes) this.#refuseBody();
    else this.#body.write(buf, from, to);
  }

  onRequestEnd(trailers: string): void {
    this.#body.end(trailers);
    this.tries.deadlines.moved(this.#x.connection.context.wheel.nowMs);
    const action = this.#action!;
    if (action.mirrors.length > 0) startMirrors(this.#x, action, this.#path, this.#body.whole());
  }

  /** The bytes of one read of the client have been passed on. */
  onRequestReadEnd(): void {
    const { connection, deadlines } = this.tries;
    if (connection === null) return;
    const free = connection.output.flush();
    if (this.#body.done) return;
    deadlines.moved(this.#x.connection.context.wheel.nowMs);
    if (!free) this.#x.connection.stopBody();
  }

  onWritable(): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.touch());
    if (!this.#body.done) this.#x.connection.startBody();
  }

  // --- answer

  onInformational(head: ResponseHead): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.touch());
    this.#x.answer.informational(head);
    this.#x.connection.output.flush();
  }

  onHead(head: ResponseHead): boolean {
    const x = this.#x;
    if (!this.tries.takes(head)) return false;
    if (head.status === 101) return this.#openTunnel(head);
    this.#body.forget();
    x.response.useHead(head);
    if (x.entry!.rule.onResponse === null) {
      x.answer.forwardHead(head);
      return true;
    }
    return this.#runResponseSteps(head);
  }

  #runResponseSteps(head: ResponseHead): boolean {
    const x = this.#x;
    let waited = false;
    const sent = runResponseSteps(x, () => {
      if (x.response.body !== null) {
        // A policy has put another answer in its place.
        this.cancel();
        x.answer.reply(x.response.body);
        x.finish();
        return;
      }
      x.answer.forwardHead(head);
      if (!waited) return;
      x.connection.output.flush();
      this.tries.connection?.resume();
    });
    waited = true;
    return sent;
  }

  onData(buf: Uint8Array, from: number, to: number): void {
    if (!this.#x.done) this.#x.answer.data(buf, from, to);
  }

  onReadEnd(): void {
    const { connection } = this.#x;
    this.tries.deadlines.moved(connection.context.wheel.touch());
    if (!connection.output.flush()) this.tries.connection?.pause();
  }

  onClientWritable(): void {
    this.tries.deadlines.moved(this.#x.connection.context.wheel.touch());
    if (this.tunnel !== null) this.tunnel.onClientWritable();
    else if (this.#x.answer.started) this.tries.connection?.resume();
  }

  /** An answer may end before the request has: then the connection is of no more use. */
  onAnswerEnd(trailers: string): void {
    const x = this.#x;
    const connection = this.tries.connection!;
    x.answer.end(trailers);
    this.tries.leave();
    if (this.#body.done) connection.endpoint.release(connection);
    else connection.destroy();
    x.finish();
  }

  onFailure(error: GatewayError): void {
    const diedIdle = this.tries.connection?.diedIdle ?? false;
    if (this.#x.answer.started) {
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

  #refuseBody(): void {
    this.#x.connection.closeAfterAnswer();
    this.#refuse('client', 'clientBodyTooLarge', 413, 'The request body is larger than the limit.');
  }

  #refuse(origin: ErrorOrigin, code: GatewayErrorCode, status: number, detail: string): void {
    this.cancel();
    this.#x.fail(new GatewayError(origin, code, false, detail), status, detail);
  }
}

/** The path after the rule's rewrite, normalised and checked again; null when it can't be sent. */
function rewritten(x: RequestExchange, rewrite: NonNullable<Forwarding['rewritePath']>): string | null {
  if (x.request.path === '*') return '*';
  return normalizePath(rewrite(x.request.path, x.entry!.match));
}
