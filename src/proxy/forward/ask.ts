import type { CompiledForward } from '../../compile/table.ts';
import type { BackendAnswer } from '../../pipeline/exchange.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { AnswerHandler, ConnectionWaiter } from '../upstream/answer-handler.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { WheelNode } from '../wheel.ts';
import { chooseCluster } from './choose.ts';
import { requestText } from './request-text.ts';
import { rewrittenPath } from './rewrite.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

type Settle = (answer: BackendAnswer | null) => void;

/** A request of the gateway's own, in the likeness of a client's. Its answer is collected, not streamed. */
class Ask extends WheelNode implements AnswerHandler, ConnectionWaiter {
  readonly #endpoint: Endpoint;
  readonly #text: string;
  readonly #maxBodyBytes: number;
  readonly #settle: Settle;
  #connection: UpstreamConnection | null = null;
  #answer: { readonly status: number; readonly headers: BackendAnswer['headers'] } | null = null;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isSecondTry = false;
  #over = false;

  constructor(endpoint: Endpoint, text: string, maxBodyBytes: number, settle: Settle) {
    super();
    this.#endpoint = endpoint;
    this.#text = text;
    this.#maxBodyBytes = maxBodyBytes;
    this.#settle = settle;
  }

  start(timeoutMs: number): void {
    this.#endpoint.active++;
    this.#endpoint.pool.wheel.arm(this, timeoutMs);
    const connection = this.#endpoint.acquire(this);
    if (connection !== null) this.onConnection(connection);
  }

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.begin(this, 'GET');
    connection.output.text(this.#text);
    connection.output.flush();
  }

  onHead(head: ResponseHead): boolean {
    const { fields } = head;
    const headers: (readonly [string, string])[] = [];
    for (let i = 0; i < fields.count; i++) headers.push([fields.lowerName(i), fields.value(i)]);
    this.#answer = { status: head.status, headers };
    this.#endpoint.pool.metrics.status(head.status);
    // Nobody asked for another protocol (RFC 9110 section 15.2.2).
    if (head.status === 101) this.#giveUp();
    return true;
  }

  onData(buf: Uint8Array, from: number, to: number): void {
    if (this.#over) return;
    this.#bytes += to - from;
    if (this.#bytes > this.#maxBodyBytes) this.#giveUp();
    else this.#chunks.push(Buffer.from(buf.subarray(from, to)));
  }

  onAnswerEnd(): void {
    const connection = this.#connection;
    const answer = this.#answer;
    if (connection !== null) connection.endpoint.release(connection);
    this.#end(answer === null ? null : { ...answer, body: Buffer.concat(this.#chunks) });
  }

  onFailure(): void {
    const diedIdle = this.#connection?.diedIdle ?? false;
    this.#connection = null;
    if (diedIdle && !this.#isSecondTry && !this.#over) {
      // The backend closed the connection just as the request went out.
      this.#isSecondTry = true;
      this.#endpoint.connectFor(this);
    } else this.#end(null);
  }

  onNoConnection(): void {
    this.#end(null);
  }

  onDeadline(): void {
    this.#giveUp();
  }

  onInformational(): void {}
  onReadEnd(): void {}
  onWritable(): void {}

  #giveUp(): void {
    this.#endpoint.withdraw(this);
    this.#connection?.destroy();
    this.#end(null);
  }

  #end(answer: BackendAnswer | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#endpoint.active--;
    this.#endpoint.pool.wheel.remove(this);
    this.#chunks = [];
    this.#settle(answer);
  }
}

/**
 * Asks one of the rule's backends what the exchange's request asks, as its fields are now. The exchange goes on meanwhile, or
 * ends. Null when no answer came, its body is larger, or the rule forwards to no backend.
 */
export function askBackend(x: RequestExchange, maxBodyBytes: number): Promise<BackendAnswer | null> {
  const action = x.entry?.rule.action;
  const target = action?.kind === 'forward' ? targetOf(x, action) : null;
  if (action?.kind !== 'forward' || target === null || x.request.method !== 'GET')
    return Promise.resolve(null);
  // Whoever waits for the answer may still look at the request.
  x.pinned = true;
  const { promise, resolve } = Promise.withResolvers<BackendAnswer | null>();
  const timeoutMs = action.requestTimeoutMs || action.backendTimeoutMs || DEFAULT_TIMEOUT_MS;
  new Ask(target.endpoint, target.text, maxBodyBytes, resolve).start(timeoutMs);
  return promise;
}

function targetOf(x: RequestExchange, action: CompiledForward<UpstreamCluster>) {
  const path = rewrittenPath(x, action);
  const cluster = chooseCluster(action);
  const endpoint = cluster?.pick(action.ir.balancing, null) ?? null;
  if (path === null || cluster === null || endpoint === null) return null;
  return { endpoint, text: requestText(x, action, cluster, path) };
}
