import { BodyDecoder, type BodySink } from '../http1/body-decoder.ts';
import type { BodyLimits } from '../http1/limits.ts';
import type { RequestHead } from '../http1/request-head.ts';

/** What is left of a request's body after an early answer is read and thrown away up to here. */
const MAX_DISCARD_BYTES = 256 * 1024;

const NOWHERE: BodySink = { onData() {} };

/** The bodies of a connection's requests, one after another. Most connections never have one. */
export class BodyReader {
  /** The exchange takes it now. */
  wanted = false;
  #decoder: BodyDecoder | null = null;
  #discardedBytes = 0;

  /** False when the request has no body. */
  begin(head: RequestHead, limits: BodyLimits): boolean {
    this.wanted = false;
    this.#discardedBytes = 0;
    if (head.framing === 'none') return false;
    this.#decoder ??= new BodyDecoder();
    this.#decoder.reset(head.framing, head.contentLength, limits);
    return !this.#decoder.done;
  }

  get done(): boolean {
    return this.#decoder!.done;
  }

  get trailers(): string {
    return this.#decoder!.trailers;
  }

  /** No byte of it has come. */
  get untouched(): boolean {
    return this.#decoder!.bodyBytes === 0;
  }

  /** So much is still to come that closing is cheaper than reading it for nothing. */
  isLong(head: RequestHead): boolean {
    return head.contentLength - this.#decoder!.bodyBytes > MAX_DISCARD_BYTES;
  }

  /** As `BodyDecoder.execute`. */
  read(buf: Buffer, pos: number, end: number, sink: BodySink): number {
    return this.#decoder!.execute(buf, pos, end, sink);
  }

  /** Throws bytes away. @returns the offset of the first one not used; negative: it is too much, or malformed. */
  discard(buf: Buffer, pos: number, end: number): number {
    const next = this.#decoder!.execute(buf, pos, end, NOWHERE);
    this.#discardedBytes += end - pos;
    return !this.done && this.#discardedBytes > MAX_DISCARD_BYTES ? -1 : next;
  }
}
