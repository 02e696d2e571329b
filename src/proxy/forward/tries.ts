import type { CompiledForward } from '../../compile/table.ts';
import { GatewayError } from '../../pipeline/errors.ts';
import type { FlowSink } from '../body/flow-ends.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { AnswerHandler, ConnectionWaiter } from '../upstream/answer-handler.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { type DeadlineOwner, Deadlines } from './deadlines.ts';
import { Hedge, type HedgeOwner } from './hedge.ts';
import { Places } from './places.ts';
import type { RequestBody } from './request-body.ts';
import { requestText } from './request-text.ts';
import { backoffMs, DEFAULT_BUDGET, isIdempotent, retryReason, type TryState } from './retry.ts';

/** Who wants an answer. It handles what comes over the connection of the try under way. */
export interface TriesOwner extends AnswerHandler, FlowSink {
  /** There will be no other try. */
  onGivenUp(error: GatewayError): void;
}

/**
 * Gets a request to a backend, again where that is allowed. One try is under way at a time, or two while it is hedged:
 *
 *   idle → waiting for a connection → sent → answered
 *                 ↑_________ retry _____|
 */
export class Tries implements ConnectionWaiter, DeadlineOwner, HedgeOwner {
  cluster: UpstreamCluster | null = null;
  /** Of the last try. */
  endpoint: Endpoint | null = null;
  count = 0;
  /** Start of the last try to the head of its answer; -1 before. */
  upstreamMs = -1;
  /** Of the try under way, once it has one. */
  connection: UpstreamConnection | null = null;
  readonly deadlines = new Deadlines(this);
  readonly places = new Places();
  readonly #x: RequestExchange;
  readonly #owner: TriesOwner;
  readonly #body: RequestBody;
  #action!: CompiledForward<UpstreamCluster>;
  #path = '';
  #tried: Endpoint[] | null = null;
  #hedge: Hedge | null = null;
  #retriedStale = false;
  #startedMs = 0;

  constructor(x: RequestExchange, owner: TriesOwner, body: RequestBody) {
    this.#x = x;
    this.#owner = owner;
    this.#body = body;
  }

  reset(): void {
    this.cluster = null;
    this.endpoint = null;
    this.count = 0;
    this.upstreamMs = -1;
    this.#tried = null;
    this.#retriedStale = false;
    this.deadlines.begin(this.#x.connection.context.wheel);
  }

  start(action: CompiledForward<UpstreamCluster>, cluster: UpstreamCluster, path: string): void {
    this.#action = action;
    this.#path = path;
    this.cluster = cluster;
    this.places.enterCluster(cluster);
    const { startedAtMs, request } = this.#x;
    this.deadlines.idleMs = action.idleTimeoutMs;
    if (action.requestTimeoutMs !== 0) this.deadlines.requestAtMs = startedAtMs + action.requestTimeoutMs;
    if (action.ir.hedge !== null && isIdempotent(request.method)) {
      this.deadlines.hedgeAtMs = startedAtMs + action.ir.hedge.afterMs;
    }
    this.#try(false);
  }

  /** Stops whatever is under way; nobody is told. */
  cancel(): void {
    this.#endHedge();
    const { connection } = this;
    this.leave();
    connection?.destroy();
  }

  /** Nothing more is wanted of the backend: what the request was counted as is given back. */
  leave(): void {
    this.leaveBackend();
    this.deadlines.end();
  }

  /** As {@link leave}; the request's time goes on. */
  leaveBackend(): void {
    this.#detach();
    this.places.leaveAll();
  }

  /** The head of an answer is there. False: it is not taken, there will be another try. */
  takes(head: ResponseHead): boolean {
    const { nowMs } = this.#x.connection.context.wheel;
    this.upstreamMs = nowMs - this.#startedMs;
    this.deadlines.tryAtMs = 0;
    this.deadlines.moved(nowMs);
    this.#endHedge();
    this.endpoint!.pool.metrics.status(head.status);
    if (head.status !== 101 && this.#retriesStatus(head.status)) return false;
    this.places.giveRetry();
    return true;
  }

  /** The try has failed before its answer began. */
  fail(error: GatewayError, diedIdle: boolean): void {
    this.#detach();
    const hedge = this.#hedge;
    if (hedge !== null) {
      // It is the only try now: what becomes of it decides.
      const { backendTimeoutMs } = this.#action;
      this.deadlines.tryAtMs = backendTimeoutMs === 0 ? 0 : hedge.startedMs + backendTimeoutMs;
      this.deadlines.arm();
    } else if (!this.#retries(error, diedIdle)) this.#giveUp(error);
  }

  onConnection(connection: UpstreamConnection): void {
    const x = this.#x;
    this.connection = connection;
    connection.begin(this.#owner, x.request.method);
    connection.output.text(requestText(x, this.#action, this.cluster!, this.#path));
    this.#body.attach(connection.output);
    if (this.#body.done || !x.connection.reading) connection.output.flush();
    if (!this.#body.done) x.bodies.startRequest(this.#owner);
  }

  onNoConnection(error: GatewayError): void {
    this.fail(error, false);
  }

  #try(fresh: boolean): void {
    const action = this.#action;
    const { wheel } = this.#x.connection.context;
    const endpoint = this.cluster!.pick(action.ir.balancing, this.#tried);
    if (endpoint === null) {
      this.#giveUp(new GatewayError('upstream', 'noEndpoint', true, 'no endpoint is ready'));
      return;
    }
    this.endpoint = endpoint;
    this.places.enterEndpoint(endpoint);
    this.count++;
    this.#startedMs = wheel.nowMs;
    this.deadlines.tryAtMs = action.backendTimeoutMs === 0 ? 0 : wheel.nowMs + action.backendTimeoutMs;
    this.deadlines.arm();
    const connection = fresh ? endpoint.connectFor(this) : endpoint.acquire(this);
    if (connection !== null) this.onConnection(connection);
  }

  // --- again

  /** True when another try was arranged. */
  #retries(error: GatewayError, diedIdle: boolean): boolean {
    const state = { diedIdle: diedIdle && !this.#retriedStale, tries: this.count };
    const reason = this.#retryReason(error, state);
    if (reason === 'no') return false;
    if (reason === 'plan') return this.#retryLater();
    // The backend closed the connection just as the request went out: that costs no attempt.
    this.#retriedStale = true;
    this.#x.bodies.stopRequest();
    this.#try(true);
    return true;
  }

  #retriesStatus(status: number): boolean {
    if (this.#action.ir.retry === null) return false;
    const error = new GatewayError('upstream', 'upstreamInvalid', false, `status ${status}`);
    if (this.#retryReason(error, { status, tries: this.count }) === 'no') return false;
    const connection = this.connection!;
    if (!this.#retryLater()) return false;
    connection.destroy();
    return true;
  }

  #retryReason(error: GatewayError, state: TryState): 'no' | 'stale' | 'plan' {
    if (!this.#body.replayable) return 'no';
    return retryReason(error, this.#action.ir.retry, this.#x.request.method, state);
  }

  #retryLater(): boolean {
    const plan = this.#action.ir.retry;
    if (!this.places.takeRetry(plan?.budget ?? DEFAULT_BUDGET)) return false;
    this.endpoint!.pool.metrics.retries.add(1);
    this.#x.bodies.stopRequest();
    this.#detach();
    this.#tried ??= [];
    this.#tried.push(this.endpoint!);
    this.deadlines.retryAtMs = this.#x.connection.context.wheel.touch() + backoffMs(plan, this.count);
    this.deadlines.arm();
    return true;
  }

  onRetryDue(): void {
    this.#try(false);
  }

  // --- hedging

  /** The first try is unanswered: a second one, elsewhere, may be faster. */
  onHedgeDue(): void {
    const x = this.#x;
    const { ir } = this.#action;
    if (x.answer.started || !this.places.inEndpoint || !this.#body.done || !this.#body.replayable) return;
    const endpoint = this.cluster!.pick(ir.balancing, [...(this.#tried ?? []), this.endpoint!]);
    if (endpoint === null || !this.places.takeRetry(ir.retry?.budget ?? DEFAULT_BUDGET)) return;
    this.count++;
    endpoint.pool.metrics.retries.add(1);
    // Its waiter lives on its own, but it writes what this exchange holds.
    x.pinned = true;
    const text = requestText(x, this.#action, this.cluster!, this.#path);
    this.#hedge = new Hedge(this, x, endpoint, text, this.#body);
    this.#hedge.start();
  }

  onHedgeAnswered(hedge: Hedge, head: ResponseHead): boolean {
    this.#hedge = null;
    const first = this.connection;
    this.#detach();
    first?.destroy();
    const connection = hedge.connection!;
    connection.handOver(this.#owner);
    this.connection = connection;
    this.endpoint = hedge.endpoint;
    this.places.enterEndpoint(hedge.endpoint);
    this.#startedMs = hedge.startedMs;
    return this.#owner.onHead(head);
  }

  onHedgeFailed(error: GatewayError): void {
    this.#hedge = null;
    // Unless the first try is still under way, this was the last.
    if (!this.places.inEndpoint) this.fail(error, false);
  }

  #endHedge(): void {
    this.deadlines.hedgeAtMs = 0;
    const hedge = this.#hedge;
    this.#hedge = null;
    hedge?.cancel();
  }

  // --- time

  onRequestTimeout(): void {
    this.cancel();
    this.#giveUp(new GatewayError('gateway', 'requestTimeout', false, 'the request took too long'));
  }

  onTryTimeout(): void {
    const { connection } = this;
    if (connection !== null) {
      connection.destroy();
      this.fail(new GatewayError('upstream', 'upstreamTimeout', false, 'no answer in time'), false);
    } else if (this.places.inEndpoint) {
      this.fail(new GatewayError('upstream', 'connectTimeout', true, 'no connection in time'), false);
    } else {
      // Only the hedge was left.
      this.cancel();
      this.#giveUp(new GatewayError('upstream', 'upstreamTimeout', false, 'no answer in time'));
    }
  }

  onIdle(): void {
    // Before a backend is asked only a policy can wait, for the client's body.
    const waitsForClient =
      this.cluster === null || (!this.#body.done && this.connection?.socket.writableNeedDrain === false);
    this.cancel();
    this.#giveUp(
      waitsForClient
        ? new GatewayError('client', 'clientTimeout', false, 'the request body stopped')
        : new GatewayError('upstream', 'idleTimeout', false, 'nothing moved in time'),
    );
  }

  #giveUp(error: GatewayError): void {
    this.leave();
    this.#owner.onGivenUp(error);
  }

  /** No longer the waiter or the user of anything. */
  #detach(): void {
    if (this.connection === null && this.places.inEndpoint) this.endpoint!.withdraw(this);
    this.connection = null;
    this.#body.detach();
    this.deadlines.tryAtMs = 0;
    this.places.leaveEndpoint();
  }
}
