import type { RequestExchange } from '../exchange/exchange.ts';
import { CHUNK_END, chunkHead, lastChunk } from '../http1/encode.ts';
import type { Output } from '../output.ts';
import { passableTrailers } from './header-drops.ts';
import { ReplayBuffer } from './replay.ts';

/** The request's body on its way to the try under way, with what another try would have to repeat. */
export class RequestBody {
  /** All of it has been read from the client. */
  done = false;
  readonly #x: RequestExchange;
  readonly #replay = new ReplayBuffer();
  #output: Output | null = null;
  #trailers = '';

  constructor(x: RequestExchange) {
    this.#x = x;
  }

  begin(keep: boolean): void {
    this.done = this.#x.connection.requestComplete;
    this.#trailers = '';
    this.#replay.begin(keep && !this.done);
  }

  /** Another try could send all of it again. */
  get replayable(): boolean {
    return this.#replay.complete;
  }

  whole(): Buffer | null {
    return this.#replay.whole();
  }

  /** A try has a connection: it is told what is known so far. */
  attach(output: Output): void {
    this.#output = output;
    this.#replay.writeTo((chunk) => this.#send(chunk, 0, chunk.length));
    if (this.done) this.#sendEnd();
  }

  /** The body, complete, to another try beside the one that is attached. */
  repeatTo(output: Output): void {
    this.#replay.writeTo((chunk) => this.#frame(output, chunk, 0, chunk.length));
    if (this.#isChunked()) output.text(lastChunk(this.#trailers));
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
    this.#trailers = trailers === '' ? '' : passableTrailers(trailers, this.#x.request, true);
    this.#sendEnd();
  }

  /** There will be no other try. */
  forget(): void {
    this.#replay.drop();
  }

  #send(buf: Uint8Array, from: number, to: number): void {
    if (this.#output !== null) this.#frame(this.#output, buf, from, to);
  }

  #frame(output: Output, buf: Uint8Array, from: number, to: number): void {
    if (!this.#isChunked()) {
      output.bytes(buf, from, to);
      return;
    }
    output.text(chunkHead(to - from));
    output.bytes(buf, from, to);
    output.text(CHUNK_END);
  }

  #sendEnd(): void {
    if (this.#isChunked()) this.#output?.text(lastChunk(this.#trailers));
  }

  #isChunked(): boolean {
    return this.#x.request.head.framing === 'chunked';
  }
}
