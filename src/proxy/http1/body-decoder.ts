import { CR, LF } from './chars.ts';
import { ChunkHead } from './chunk-head.ts';
import type { Framing } from './framing.ts';
import { HeadScanner, NEED_MORE } from './head-scanner.ts';
import { latin1 } from './latin1.ts';
import type { BodyLimits } from './limits.ts';
import { RefusalCode, refusalOf, refusalResult } from './refusal.ts';
import { parseTrailers } from './trailers.ts';

/** Receives payload, not copied: the bytes are the caller's and may change once `execute` has returned. */
export interface BodySink {
  /** Bytes [from,to) of `buf`; never an empty run. Must not call back into the decoder. */
  onData(buf: Buffer, from: number, to: number): void;
}

/*
 *   Payload    of a known length, or until the connection closes
 *   ChunkLine  size and extensions; size 0 leads to Trailers
 *   ChunkData  leads to ChunkEnd
 *   ChunkEnd   CR, LF; leads to ChunkLine
 *   Trailers   until the empty line
 */
const Payload = 0;
const ChunkLine = 1;
const ChunkData = 2;
const ChunkEndCr = 3;
const ChunkEndLf = 4;
const Trailers = 5;

const EMPTY_LINE_BYTES = 2;

/** Decodes the body of one message after another (RFC 9112 sections 6 and 7). */
export class BodyDecoder {
  /** The message is complete; `execute` takes no more bytes until the next `reset`. */
  done = true;
  /** Payload bytes so far. */
  bodyBytes = 0;
  /** Trailer lines that may be forwarded, each with its CRLF; '' when there is none. Known once `done`. */
  trailers = '';
  #framing: Framing = 'none';
  #state = Payload;
  /** Bytes of the body, or of the chunk, that are to come. */
  #remaining = 0;
  #maxBodyBytes = 0;
  #maxTrailerBytes = 0;
  readonly #chunk = new ChunkHead();
  #trailerScanner: HeadScanner | null = null;
  #trailerText = '';

  /**
   * Ready for the body of the next message.
   * @param contentLength bytes; used with the framing `length` alone.
   */
  reset(framing: Framing, contentLength: number, limits: BodyLimits): void {
    this.#framing = framing;
    this.bodyBytes = 0;
    this.trailers = '';
    this.#maxBodyBytes = limits.maxBodyBytes === 0 ? Number.POSITIVE_INFINITY : limits.maxBodyBytes;
    this.#state = Payload;
    this.#remaining = Number.POSITIVE_INFINITY;
    this.done = framing === 'none';
    if (framing === 'length') {
      this.#remaining = contentLength;
      this.done = contentLength === 0;
    } else if (framing === 'chunked') {
      this.#state = ChunkLine;
      this.#chunk.resetMessage(limits.maxChunkExtensionBytes);
      if (limits.maxTrailerBytes !== this.#maxTrailerBytes) this.#trailerScanner = null;
      this.#maxTrailerBytes = limits.maxTrailerBytes;
    }
  }

  /**
   * Decodes from bytes [pos,end) of `buf` and stops at the end of the message.
   * @returns the offset of the first byte not used, or `refusalResult(code)`: then the connection is of no more use.
   */
  execute(buf: Buffer, pos: number, end: number, sink: BodySink): number {
    let at = pos;
    while (at < end && !this.done) {
      if (this.#state === Payload || this.#state === ChunkData) at = this.#takePayload(buf, at, end, sink);
      else if (this.#state === Trailers) at = this.#takeTrailers(buf, at, end);
      else at = this.#takeFrame(buf, at, end);
      if (at < 0) return at;
    }
    return at;
  }

  /** The peer closed its side. @returns OK when the message is complete, which a `close` body is then. */
  finish(): RefusalCode {
    if (this.#framing === 'close') this.done = true;
    return this.done ? RefusalCode.OK : RefusalCode.truncatedBody;
  }

  #takePayload(buf: Buffer, at: number, end: number, sink: BodySink): number {
    const bytes = Math.min(end - at, this.#remaining);
    if (this.bodyBytes + bytes > this.#maxBodyBytes) return refusalResult(RefusalCode.bodyTooLarge);
    this.bodyBytes += bytes;
    this.#remaining -= bytes;
    if (this.#remaining === 0) {
      if (this.#state === ChunkData) this.#state = ChunkEndCr;
      else this.done = true;
    }
    sink.onData(buf, at, at + bytes);
    return at + bytes;
  }

  /** The octets between the payloads of two chunks. */
  #takeFrame(buf: Buffer, pos: number, end: number): number {
    let at = pos;
    if (this.#state === ChunkEndCr) {
      if (buf[at++] !== CR) return refusalResult(RefusalCode.badChunkEnd);
      this.#state = ChunkEndLf;
    }
    if (this.#state === ChunkEndLf) {
      if (at === end) return at;
      if (buf[at++] !== LF) return refusalResult(RefusalCode.badChunkEnd);
      this.#state = ChunkLine;
    }
    while (at < end) {
      const code = this.#chunk.feed(buf[at++]!);
      if (code === -1) return this.#startChunk(at);
      if (code !== RefusalCode.OK) return refusalResult(code);
    }
    return at;
  }

  #startChunk(at: number): number {
    const size = this.#chunk.size;
    this.#chunk.resetChunk();
    if (size !== 0) {
      // Said at once: a client need not send a chunk that is refused in the end.
      if (this.bodyBytes + size > this.#maxBodyBytes) return refusalResult(RefusalCode.bodyTooLarge);
      this.#remaining = size;
      this.#state = ChunkData;
      return at;
    }
    this.#trailerScanner ??= new HeadScanner(this.#maxTrailerBytes + EMPTY_LINE_BYTES);
    this.#trailerScanner.resetAfterLine();
    this.#trailerText = '';
    this.#state = Trailers;
    return at;
  }

  #takeTrailers(buf: Buffer, pos: number, end: number): number {
    const found = this.#trailerScanner!.scan(buf, pos, end);
    if (found < NEED_MORE) {
      const code = refusalOf(found);
      return code === RefusalCode.headTooLarge ? refusalResult(RefusalCode.trailersTooLarge) : found;
    }
    const stop = found === NEED_MORE ? end : found;
    this.#trailerText += latin1(buf, pos, stop);
    if (found === NEED_MORE) return end;
    const { code, lines } = parseTrailers(this.#trailerText);
    this.#trailerText = '';
    if (code !== RefusalCode.OK) return refusalResult(code);
    this.trailers = lines;
    this.done = true;
    return stop;
  }
}
