import type { GatewayError } from '../../pipeline/errors.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { AnswerHandler, ConnectionWaiter } from '../upstream/answer-handler.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { RequestBody } from './request-body.ts';

/** Whose request is hedged. */
export interface HedgeOwner {
  /** The hedge has the first answer: its connection is the owner's now. Returns what `onHead` would. */
  onHedgeAnswered(hedge: Hedge, head: ResponseHead): boolean;
  onHedgeFailed(error: GatewayError): void;
}

/**
 * A second try of a request whose first has not been answered yet. Whichever has its head first goes on; the other is
 * cut.
 */
export class Hedge implements AnswerHandler, ConnectionWaiter {
  readonly endpoint: Endpoint;
  readonly startedMs: number;
  connection: UpstreamConnection | null = null;
  readonly #owner: HedgeOwner;
  readonly #x: RequestExchange;
  readonly #text: string;
  readonly #body: RequestBody;
  #over = false;

  constructor(owner: HedgeOwner, x: RequestExchange, endpoint: Endpoint, text: string, body: RequestBody) {
    this.#owner = owner;
    this.#x = x;
    this.endpoint = endpoint;
    this.startedMs = x.connection.context.wheel.nowMs;
    this.#text = text;
    this.#body = body;
  }

  start(): void {
    this.endpoint.active++;
    const connection = this.endpoint.acquire(this);
    if (connection !== null) this.onConnection(connection);
  }

  /** The first try has answered, or nobody waits any more. */
  cancel(): void {
    if (!this.#end()) return;
    this.connection?.destroy();
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    connection.begin(this, this.#x.request.method);
    connection.output.text(this.#text);
    this.#body.repeatTo(connection.output);
    connection.output.flush();
  }

  onNoConnection(error: GatewayError): void {
    this.onFailure(error);
  }

  onHead(head: ResponseHead): boolean {
    this.#end();
    return this.#owner.onHedgeAnswered(this, head);
  }

  onFailure(error: GatewayError): void {
    if (this.#end()) this.#owner.onHedgeFailed(error);
  }

  onInformational(): void {}
  onData(): void {}
  onReadEnd(): void {}
  onWritable(): void {}
  onAnswerEnd(): void {}

  /** False when it was over already. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.endpoint.withdraw(this);
    this.endpoint.active--;
    return true;
  }
}
