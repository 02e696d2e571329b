import { methodId, NONE } from '../../observe/labels.ts';
import { GatewayError, type GatewayErrorCode } from '../../pipeline/errors.ts';
import type { BackendAnswer, ClientInfo, Exchange } from '../../pipeline/exchange.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import type { Slot } from '../../pipeline/slot.ts';
import { ExchangeBodies } from '../body/exchange-bodies.ts';
import { sendAnswer } from '../body/send.ts';
import { Answer } from '../client/answer.ts';
import type { ClientConnection } from '../client/connection.ts';
import type { Entry, Table } from '../context.ts';
import { askBackend } from '../forward/ask.ts';
import { Forward } from '../forward/forward.ts';
import type { BodySink } from '../http1/body-decoder.ts';
import { type RefusalCode, refusalMessage, refusalStatus } from '../http1/refusal.ts';
import { runDoneSteps, runRequestSteps, runResponseSteps } from './chain.ts';
import { recordExchange } from './record.ts';
import { redirectReply } from './redirect.ts';
import { RequestView } from './request-view.ts';
import { resolveRequest } from './resolve.ts';
import { ResponseView } from './response-view.ts';

/**
 * One request on its way through the gateway. Objects are used again for later requests, unless something
 * asynchronous may still hold them (`pinned`).
 */
export class RequestExchange implements Exchange, BodySink {
  connection!: ClientConnection;
  readonly request = new RequestView();
  readonly response = new ResponseView();
  readonly answer: Answer = new Answer(this);
  readonly forward: Forward = new Forward(this);
  readonly bodies: ExchangeBodies = new ExchangeBodies(this);
  /** Someone may hold it after it is done. */
  pinned = false;
  requestId = '';
  startedAtMs = 0;
  entry: Entry | null = null;
  table!: Table;
  /** The protocol that the client asked to switch to, unless it may not. */
  upgrade: string | null = null;
  /** `?` without anything behind it: it stays so. */
  hasEmptyQuery = false;
  acceptsTrailers = false;
  requestBytes = 0;
  error: GatewayErrorCode | '' = '';
  /** An answer of the gateway was decided on; it may still wait for response steps. */
  replied = false;
  /** Counts the answers that response steps were begun for: steps of one that failed meanwhile go no further. */
  answers = 0;
  #client: ClientInfo | null = null;
  #clientAddress = '';
  #done = true;
  #abort: AbortController | null = null;
  #slots: unknown[] | null = null;

  get client(): ClientInfo {
    this.#client ??= {
      address: this.#clientAddress,
      peerAddress: this.connection.peerAddress,
      peerPort: this.connection.peerPort,
      trusted: this.connection.trusted,
    };
    return this.#client;
  }

  get trusted(): boolean {
    return this.connection.trusted;
  }

  get clientAddress(): string {
    return this.#clientAddress;
  }

  get generation(): number {
    return this.table.generation;
  }

  get routeKey(): string {
    return this.entry?.rule.route.key ?? '';
  }

  get ruleName(): string {
    return this.entry?.rule.ir.name ?? '';
  }

  get pattern(): string {
    return this.entry?.pattern ?? NONE;
  }

  get done(): boolean {
    return this.#done;
  }

  get signal(): AbortSignal {
    this.pinned = true;
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  askBackend(maxBodyBytes: number): Promise<BackendAnswer | null> {
    return askBackend(this, maxBodyBytes);
  }

  get<T>(slot: Slot<T>): T | undefined {
    return this.#slots?.[slot.index] as T | undefined;
  }

  set<T>(slot: Slot<T>, value: T): void {
    this.#slots ??= [];
    this.#slots[slot.index] = value;
  }

  /** Everything that the request before left behind goes. */
  reset(connection: ClientConnection): void {
    this.connection = connection;
    this.entry = null;
    this.upgrade = null;
    this.hasEmptyQuery = false;
    this.acceptsTrailers = false;
    this.requestBytes = 0;
    this.error = '';
    this.replied = false;
    this.answers = 0;
    this.bodies.reset();
    this.#client = null;
    this.#abort = null;
    this.#slots = null;
    this.#done = false;
    this.answer.reset();
    this.forward.reset();
  }

  /** The head has been parsed: find the rule and walk it. */
  begin(): void {
    const { context } = this.connection;
    this.startedAtMs = context.wheel.nowMs;
    this.table = context.table;
    context.metrics.requestsInFlight.add(1);
    const refusal = resolveRequest(this);
    if (refusal !== null) {
      this.connection.closeAfterAnswer();
      this.reply(refusal);
      return;
    }
    this.entry = this.table.match(this.request);
    if (this.entry === null) {
      this.fail(
        new GatewayError('client', 'noRoute', false, 'no route'),
        404,
        'No route takes this request.',
      );
      return;
    }
    this.entry.rule.active++;
    runRequestSteps(this, this.entry.rule);
  }

  /** Called by `resolveRequest`. */
  identify(requestId: string, clientAddress: string): void {
    this.requestId = requestId;
    this.#clientAddress = clientAddress;
  }

  /** Policies have let it through. */
  act(): void {
    if (this.#done || this.replied) return;
    const { action } = this.entry!.rule;
    switch (action.kind) {
      case 'forward':
        this.forward.start(action);
        return;
      case 'redirect':
        this.reply(redirectReply(this, action));
        return;
      case 'respond':
        this.reply(action.reply);
        return;
      case 'fail':
        this.connection.context.log('warn', `${this.routeKey} rule ${this.ruleName}: ${action.reason}`);
        this.fail(
          new GatewayError('gateway', 'ruleFailed', false, action.reason),
          500,
          'This rule is not available.',
        );
    }
  }

  /** Answers a failure. Nothing of `error` reaches the client. */
  fail(error: GatewayError, status: number, detail: string): void {
    if (!this.#done) this.failWith(error, problem(status, detail));
  }

  /** As {@link fail}, with a reply of one's own. */
  failWith(error: GatewayError, reply: Reply): void {
    if (this.#done) return;
    this.error = error.code;
    this.connection.context.metrics.error(error.code, error.origin);
    if (this.answer.started) this.abort();
    else this.reply(reply);
  }

  /** Answers without asking a backend; the answer passes the rule's response steps. */
  reply(reply: Reply): void {
    if (this.#done || this.replied) return;
    this.forward.cancel();
    this.bodies.abort(this.error);
    this.response.useReply(reply);
    this.replied = true;
    this.connection.stopBody();
    runResponseSteps(this, () => sendAnswer(this));
  }

  /** The answer is complete. */
  finish(): void {
    if (this.#done) return;
    const { connection } = this;
    this.#end();
    connection.onExchangeDone(this.answer.keepAlive);
    connection.releaseExchange(this);
  }

  /** The answer can't be completed: the client must see that. */
  abort(): void {
    if (this.#done) return;
    const { connection } = this;
    this.#end();
    connection.destroy();
    connection.releaseExchange(this);
  }

  onClientGone(): void {
    if (this.#done) return;
    this.error = 'clientAborted';
    this.connection.context.metrics.error('clientAborted', 'client');
    this.forward.cancel();
    const { connection } = this;
    this.#end();
    connection.releaseExchange(this);
  }

  onClientWritable(): void {
    if (!this.#done) this.forward.onClientWritable();
  }

  onData(buf: Uint8Array, from: number, to: number): void {
    if (this.#done) return;
    this.requestBytes += to - from;
    if (this.bodies.requestFlow === null) this.forward.onRequestData(buf, from, to);
    else this.bodies.onRequestData(buf, from, to);
  }

  onRequestEnd(trailers: string): void {
    if (this.#done) return;
    if (this.bodies.requestFlow === null) this.forward.onRequestEnd(trailers);
    else this.bodies.requestFlow.onEnd(trailers);
  }

  /** The body breaks the rules of its framing, or a limit. */
  onRequestRefused(code: RefusalCode): void {
    this.forward.cancel();
    this.fail(
      new GatewayError('client', 'clientBodyInvalid', false, refusalMessage(code)),
      refusalStatus(code),
      refusalMessage(code),
    );
  }

  onReadEnd(): void {
    if (this.#done) return;
    this.bodies.requestFlow?.onReadEnd();
    this.forward.onRequestReadEnd();
  }

  onTunnelData(buf: Uint8Array, from: number, to: number): void {
    this.requestBytes += to - from;
    this.forward.tunnel?.onClientData(buf, from, to);
  }

  onTunnelEnd(): void {
    this.forward.tunnel?.onClientEnd();
  }

  #end(): void {
    this.#done = true;
    this.bodies.abort(this.error);
    const { context } = this.connection;
    // What happens in a read of a socket happens at its time; a promise may be through at any.
    if (this.pinned) context.wheel.touch();
    context.metrics.requestsInFlight.add(-1);
    recordExchange(this, methodId(this.request.method));
    const rule = this.entry?.rule;
    if (rule !== undefined) {
      if (rule.onDone !== null) runDoneSteps(this, rule.onDone);
      rule.active--;
      if (rule.retired && rule.active === 0) context.onRetiredRuleIdle(rule);
    }
    this.#abort?.abort();
  }
}
