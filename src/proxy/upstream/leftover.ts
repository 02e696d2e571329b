import type { AnswerHandler } from './answer-handler.ts';
import type { UpstreamConnection } from './connection.ts';

/** Takes the rest of an answer that nobody wants and that has no body: then its connection serves again. */
export class Leftover implements AnswerHandler {
  readonly #connection: UpstreamConnection;

  constructor(connection: UpstreamConnection) {
    this.#connection = connection;
  }

  onAnswerEnd(): void {
    this.#connection.endpoint.release(this.#connection);
  }

  onHead(): boolean {
    return true;
  }

  onInformational(): void {}
  onData(): void {}
  onReadEnd(): void {}
  onWritable(): void {}
  onFailure(): void {}
}
