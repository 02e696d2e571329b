import type { RequestExchange } from '../exchange/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { AnswerHandler } from '../upstream/answer-handler.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { WheelNode } from '../wheel.ts';

/**
 * Two connections joined after a 101 (RFC 9110 section 7.8): bytes pass as they are, each direction is stopped while
 * its reader is slow, and the end of one direction is passed on without cutting the other.
 */
export class Tunnel extends WheelNode implements AnswerHandler {
  readonly #x: RequestExchange;
  readonly #upstream: UpstreamConnection;
  readonly #onDone: () => void;
  readonly #idleMs: number;
  #clientEnded = false;
  #upstreamEnded = false;
  #done = false;

  constructor(x: RequestExchange, upstream: UpstreamConnection, onDone: () => void) {
    super();
    this.#x = x;
    this.#upstream = upstream;
    this.#onDone = onDone;
    this.#idleMs = x.connection.context.settings.timeouts.tunnelIdleMs;
  }

  /** Passes the 101 on and lets bytes flow. */
  open(head: ResponseHead): void {
    const { connection, answer } = this.#x;
    connection.context.metrics.tunnelsOpen.add(1);
    answer.switchProtocols(head);
    connection.output.flush();
    this.#upstream.becomeTunnel(this);
    this.#moved();
    connection.becomeTunnel();
    this.#upstream.resume();
  }

  onClientData(buf: Uint8Array, from: number, to: number): void {
    this.#upstream.output.bytes(buf, from, to);
    if (!this.#upstream.output.flush()) this.#x.connection.pauseTunnel();
    this.#moved();
  }

  onClientEnd(): void {
    this.#clientEnded = true;
    this.#upstream.socket.end();
    if (this.#upstreamEnded) this.#finish();
  }

  onClientWritable(): void {
    this.#upstream.resume();
  }

  /** The client is gone, or the program is ending. */
  cut(): void {
    this.#close();
    this.#upstream.destroy();
  }

  onDeadline(): void {
    this.#finish();
  }

  onData(buf: Uint8Array, from: number, to: number): void {
    this.#x.answer.bodyBytes += to - from;
    this.#x.connection.output.bytes(buf, from, to);
  }

  onReadEnd(): void {
    this.#moved();
    if (!this.#x.connection.output.flush()) this.#upstream.pause();
  }

  onWritable(): void {
    this.#x.connection.resumeTunnel();
  }

  onAnswerEnd(): void {
    this.#upstreamEnded = true;
    this.#x.connection.endTunnel();
    if (this.#clientEnded) this.#finish();
  }

  onFailure(): void {
    this.#close();
    this.#x.abort();
  }

  onHead(): boolean {
    return true;
  }

  onInformational(): void {}

  #moved(): void {
    const { wheel } = this.#x.connection.context;
    wheel.touch();
    if (this.#idleMs !== 0) wheel.arm(this, this.#idleMs);
  }

  #finish(): void {
    this.#close();
    this.#upstream.endSoon();
    this.#x.answer.keepAlive = false;
    this.#x.finish();
  }

  #close(): void {
    if (this.#done) return;
    this.#done = true;
    const { context } = this.#x.connection;
    context.wheel.remove(this);
    context.metrics.tunnelsOpen.add(-1);
    this.#onDone();
  }
}
