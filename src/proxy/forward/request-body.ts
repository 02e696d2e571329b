import type { BodyLength } from '../body/flow-ends.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import { CHUNK_END, chunkHead, lastChunk } from '../http1/encode.ts';
import type { Output } from '../output.ts';
import { passableTrailers } from './header-drops.ts';
import { ReplayBuffer } from './replay.ts';

/** The request's body on its way to the try under way, with what another try would have to repeat. */
export class RequestBody {
  /** All of it has been read from the client. */
  done = false;
  /** What policies have made of its length. */
  length: BodyLength = 'asSent';
  readonly #x: RequestExchange;
  readonly #replay = new ReplayBuffer();
  /** Held whole by policies: it can be sent again and again. */
  #whole: Buffer | null = null;
  #output: Output | null = null;
  #trailers = '';

  constructor(x: RequestExchange) {
    this.#x = x;
  }

  begin(keep: boolean): void {
    const { connection, bodies } = this.#x;
    const flow = bodies.requestFlow;
    this.#trailers = '';
    this.#whole = null;
    this.length = 'asSent';
    if (flow === null) this.done = connection.requestComplete;
    else {
      this.done = flow.ended;
      this.length = flow.length;
      if (flow.ended) {
        this.#whole = flow.held;
        this.#setTrailers(flow.trailers);
      }
    }
    this.#replay.begin(keep && !this.done);
  }

  /** Forgets the exchange before. */
  reset(): void {
    this.length = 'asSent';
    this.#whole = null;
  }

  /** Another try could send all of it again. */
  get replayable(): boolean {
    return this.#replay.complete;
  }

  /** All of it; null when it was not kept. */
  whole(): Buffer | null {
    return this.#whole ?? this.#replay.whole();
  }

  get isChunked(): boolean {
    if (this.length === 'asSent') return this.#x.request.head.framing === 'chunked';
    return this.length === 'unknown';
  }

  /** A try has a connection: it is told what is known so far. */
  attach(output: Output): void {
    this.#output = output;
    this.#repeat(output);
    if (this.done) this.#sendEnd();
  }

  /** The body, complete, to another try beside the one that is attached. */
  repeatTo(output: Output): void {
    this.#repeat(output);
    if (this.isChunked) output.text(lastChunk(this.#trailers));
  }

  detach(): void {
    this.#output = null;
  }

  write(buf: Uint8Array, from: number, to: number): void {
    this.#replay.add(buf, from, to);
    this.#send(buf, from, to);
  }

  end(trailers: string): void {
    this.done = true;
    this.#setTrailers(trailers);
    this.#sendEnd();
  }

  /** There will be no other try. */
  forget(): void {
    this.#replay.drop();
    if (this.#whole === null) return;
    this.#whole = null;
    this.#x.bodies.requestFlow?.release();
  }

  #setTrailers(trailers: string): void {
    this.#trailers = trailers === '' ? '' : passableTrailers(trailers, this.#x.request, true);
  }

  #repeat(output: Output): void {
    if (this.#whole !== null) {
      if (this.#whole.length > 0) this.#frame(output, this.#whole, 0, this.#whole.length);
    } else this.#replay.writeTo((chunk) => this.#frame(output, chunk, 0, chunk.length));
  }

  #send(buf: Uint8Array, from: number, to: number): void {
    if (this.#output !== null) this.#frame(this.#output, buf, from, to);
  }

  #frame(output: Output, buf: Uint8Array, from: number, to: number): void {
    if (!this.isChunked) {
      output.bytes(buf, from, to);
      return;
    }
    output.text(chunkHead(to - from));
    output.bytes(buf, from, to);
    output.text(CHUNK_END);
  }

  #sendEnd(): void {
    if (this.isChunked) this.#output?.text(lastChunk(this.#trailers));
  }
}
