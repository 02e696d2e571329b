import type { CompiledForward } from '../../compile/table.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK } from '../http1/encode.ts';
import type { AnswerHandler, ConnectionWaiter } from '../upstream/answer-handler.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { WheelNode } from '../wheel.ts';
import type { RequestBody } from './request-body.ts';
import { requestText } from './request-text.ts';

const MIRROR_TIMEOUT_MS = 10_000;

/** A copy of a request whose answer nobody reads. Its failures are nobody's, either. */
class Mirror extends WheelNode implements AnswerHandler, ConnectionWaiter {
  readonly #method: string;
  readonly #head: string;
  readonly #body: Buffer | null;
  readonly #chunked: boolean;
  readonly #endpoint: Endpoint;
  #connection: UpstreamConnection | null = null;

  constructor(endpoint: Endpoint, method: string, head: string, body: Buffer | null, chunked: boolean) {
    super();
    this.#endpoint = endpoint;
    this.#method = method;
    this.#head = head;
    this.#body = body;
    this.#chunked = chunked;
    endpoint.pool.wheel.arm(this, MIRROR_TIMEOUT_MS);
  }

  onDeadline(): void {
    this.#endpoint.withdraw(this);
    this.#connection?.destroy();
  }

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.begin(this, this.#method);
    const { output } = connection;
    output.text(this.#head);
    const body = this.#body;
    if (body !== null && body.length > 0) {
      if (this.#chunked) output.text(chunkHead(body.length));
      output.bytes(body, 0, body.length);
      if (this.#chunked) output.text(CHUNK_END);
    }
    if (this.#chunked) output.text(LAST_CHUNK);
    output.flush();
  }

  onAnswerEnd(): void {
    this.#endpoint.pool.wheel.remove(this);
    const connection = this.#connection;
    if (connection !== null) connection.endpoint.release(connection);
  }

  onFailure(): void {
    this.#endpoint.pool.wheel.remove(this);
  }

  onNoConnection(): void {
    this.#endpoint.pool.wheel.remove(this);
  }

  onHead(): boolean {
    return true;
  }

  onInformational(): void {}
  onData(): void {}
  onReadEnd(): void {}
  onWritable(): void {}
}

/**
 * Sends copies of the request to the rule's mirrors.
 * @param body nothing is sent when it was too large to keep
 */
export function startMirrors(
  x: RequestExchange,
  action: CompiledForward<UpstreamCluster>,
  path: string,
  body: RequestBody,
): void {
  const { head } = x.request;
  const bytes = body.whole();
  if (bytes === null || x.upgrade !== null) return;
  for (const { upstream, percent } of action.mirrors) {
    if (percent < 100 && Math.random() * 100 >= percent) continue;
    const endpoint = upstream.pick(action.ir.balancing, null);
    if (endpoint === null) continue;
    const text = requestText(x, action, upstream, path);
    const mirror = new Mirror(endpoint, head.method, text, bytes, body.isChunked);
    const connection = endpoint.acquire(mirror);
    if (connection !== null) mirror.onConnection(connection);
  }
}
