import type { RequestExchange } from '../exchange/exchange.ts';
import type { FlowSink } from './flow-ends.ts';

/** Sends the answer that response steps have left: its head, and its body as far as it is here. The rest follows. */
export function sendAnswer(x: RequestExchange): void {
  const { response, answer } = x;
  const flow = x.bodies.responseFlow;
  if (flow === null) {
    if (response.made === null) {
      answer.forwardHead(response.head!, response.lengthIsUnknown ? 'unknown' : 'asSent');
      return;
    }
    answer.reply(response.made);
    x.finish();
    return;
  }
  const length = flow.length;
  // What the backend still has to say is not wanted.
  if (typeof length === 'number') x.forward.cancel();
  x.forward.watchAnswer();
  if (response.head === null || response.made !== null)
    answer.replyHead(length === 'asSent' ? 'unknown' : length);
  else answer.forwardHead(response.head, length);
  flow.attach(new AnswerSink(x));
}

class AnswerSink implements FlowSink {
  readonly #x: RequestExchange;

  constructor(x: RequestExchange) {
    this.#x = x;
  }

  write(buf: Uint8Array, from: number, to: number): void {
    this.#x.answer.data(buf, from, to);
  }

  flush(): boolean {
    const { connection, forward } = this.#x;
    forward.tries.deadlines.moved(connection.context.wheel.touch());
    return connection.output.flush();
  }

  end(trailers: string): void {
    this.#x.answer.end(trailers);
    this.#x.finish();
  }
}
