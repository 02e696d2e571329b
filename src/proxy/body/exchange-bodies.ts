import { BodyRefusal } from '../../pipeline/body.ts';
import { GatewayError, type GatewayErrorCode } from '../../pipeline/errors.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import { statusOf } from '../forward/failure.ts';
import { BodyFlow } from './flow.ts';
import type { FlowOwner, FlowSink } from './flow-ends.ts';
import { announcedBytes, PolicyRequestBody, type RequestBodyHost } from './request-body.ts';
import { PolicyResponseBody, type ResponseBodyHost } from './response-body.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** The two bodies of an exchange, where policies asked for them. Both flows are null for nearly every request. */
export class ExchangeBodies implements RequestBodyHost, ResponseBodyHost, FlowOwner {
  requestFlow: BodyFlow | null = null;
  responseFlow: BodyFlow | null = null;
  /** The client was told to send its body: the backend need not be asked, nor need it say so again. */
  continued = false;
  readonly #x: RequestExchange;

  constructor(x: RequestExchange) {
    this.#x = x;
    x.request.body = new PolicyRequestBody(this, x.request.head);
    x.response.body = new PolicyResponseBody(this);
    x.response.onReplaced = () => this.#onReplaced();
  }

  get request() {
    return this.#x.request;
  }

  get response() {
    return this.#x.response;
  }

  reset(): void {
    this.requestFlow = null;
    this.responseFlow = null;
    this.continued = false;
  }

  openRequestFlow(): BodyFlow {
    const x = this.#x;
    const { connection } = x;
    x.pinned = true;
    const source = {
      start: () => {
        if (flow.reading) this.#sayContinue();
        connection.startBody();
      },
      stop: () => connection.stopBody(),
    };
    const flow = new BodyFlow(source, this, connection.context.bodyBudget, announcedBytes(x.request.head));
    // All of it may have been read already, if there was nothing.
    if (connection.requestComplete) flow.onEnd('');
    this.requestFlow = flow;
    const maxBytes = this.#ruleMaxBytes();
    if (maxBytes !== null && x.request.head.contentLength > maxBytes) x.forward.refuseBody();
    return flow;
  }

  openResponseFlow(): BodyFlow {
    const x = this.#x;
    x.pinned = true;
    const { head, made } = x.response;
    const { bodyBudget } = x.connection.context;
    const source = {
      start: () => x.forward.tries.connection?.resume(),
      stop: () => x.forward.tries.connection?.pause(),
    };
    const length = head?.framing === 'length' ? head.contentLength : null;
    const flow = new BodyFlow(source, this, bodyBudget, length);
    if (made !== null) flow.replace(typeof made === 'string' ? Buffer.from(made, 'utf8') : made);
    this.responseFlow = flow;
    return flow;
  }

  /** Bytes of the client, while policies have to do with them. */
  onRequestData(buf: Uint8Array, from: number, to: number): void {
    const { forward, connection, requestBytes } = this.#x;
    const maxBytes = this.#ruleMaxBytes();
    if (maxBytes !== null && requestBytes > maxBytes) {
      forward.refuseBody();
      return;
    }
    forward.tries.deadlines.moved(connection.context.wheel.nowMs);
    this.requestFlow!.onData(buf, from, to);
  }

  /** The backend may have more of the request's body. */
  startRequest(sink: FlowSink): void {
    const flow = this.requestFlow;
    if (flow === null) this.#x.connection.startBody();
    else if (flow.attached) flow.resume();
    else flow.attach(sink);
  }

  stopRequest(): void {
    if (this.requestFlow === null) this.#x.connection.stopBody();
    else this.requestFlow.pause();
  }

  /** Neither body goes any further; whoever waits for one is told so. */
  abort(code: GatewayErrorCode | ''): void {
    if (this.requestFlow === null && this.responseFlow === null) return;
    const error = new GatewayError('gateway', code === '' ? 'internal' : code, false, 'the exchange is over');
    this.requestFlow?.abort(error);
    this.responseFlow?.abort(error);
    this.responseFlow = null;
    this.#x.forward.tries.deadlines.end();
  }

  /** A stream of a policy failed, or there is no room for what is to be held. */
  onFlowFailed(error: Error): void {
    const x = this.#x;
    if (x.done) return;
    x.forward.cancel();
    x.connection.closeAfterAnswer();
    // Another answer was being made, and has failed as well.
    if (x.replied && !x.answer.started) x.abort();
    else failWith(x, error, 'a stream of a policy');
  }

  #ruleMaxBytes(): number | null {
    const { action } = this.#x.entry!.rule;
    return action.kind === 'forward' ? action.ir.maxBodyBytes : null;
  }

  #sayContinue(): void {
    const { connection, request } = this.#x;
    if (this.continued || !connection.awaitsContinue(request.head)) return;
    this.continued = true;
    connection.output.text(CONTINUE);
    if (!connection.reading) connection.output.flush();
  }

  #onReplaced(): void {
    const flow = this.responseFlow;
    this.responseFlow = null;
    flow?.abort(new GatewayError('gateway', 'internal', false, 'the answer was replaced'));
    this.#x.forward.dismiss();
  }
}

/** Ends the exchange for what a policy threw, or a stream of it. Refusals of bodies are no fault of the policy. */
export function failWith(x: RequestExchange, error: unknown, who: string): void {
  if (error instanceof BodyRefusal) {
    const { reply, message } = error;
    const origin = reply.status < 500 ? 'client' : 'upstream';
    x.failWith(new GatewayError(origin, 'bodyRefused', false, message), reply);
    return;
  }
  if (error instanceof GatewayError) {
    const { status, detail } = statusOf(error);
    x.fail(error, status, detail);
    return;
  }
  x.connection.context.log(
    'error',
    `${x.routeKey} rule ${x.ruleName}: ${who} threw: ${error instanceof Error ? error.message : String(error)}`,
  );
  x.fail(
    new GatewayError('gateway', 'policyThrew', false, `${who} threw`),
    500,
    'A policy of this rule failed.',
  );
}
