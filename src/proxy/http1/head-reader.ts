import { HeadScanner, NEED_MORE } from './head-scanner.ts';
import { latin1 } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import type { RefusalCode } from './refusal.ts';
import { parseRequestHead, type RequestHead, type RequestMemo, readRequestHead } from './request-head.ts';
import {
  parseResponseHead,
  type ResponseHead,
  type ResponseMemo,
  readResponseHead,
} from './response-head.ts';

/** Finds heads that may arrive in pieces, and parses them: from the bytes where a head is in one piece. */
class HeadReader {
  #earlier = '';
  #start = 0;
  #end = 0;
  readonly #scanner: HeadScanner;
  protected readonly limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.limits = limits;
    this.#scanner = new HeadScanner(limits.maxHeadBytes);
  }

  /** Bytes have arrived that are not yet a whole head. */
  get waiting(): boolean {
    return this.#earlier !== '';
  }

  /** More than a line end in front of a head has arrived. */
  get begun(): boolean {
    return this.#scanner.begun;
  }

  /**
   * Bytes [pos,end) of `buf` are new.
   * @returns the offset past the head: then one of the parse methods must follow; `NEED_MORE`; or `refusalResult(code)`.
   */
  read(buf: Buffer, pos: number, end: number): number {
    const past = this.#scanner.scan(buf, pos, end);
    if (past === NEED_MORE) {
      this.#earlier += latin1(buf, pos, end);
    } else if (past >= 0) {
      this.#start = pos;
      this.#end = past;
      this.#scanner.reset();
    }
    return past;
  }

  /** The head that `read` has found is in one piece, from `start` to `end` of its buffer. */
  protected get inOnePiece(): boolean {
    return this.#earlier === '';
  }

  protected get start(): number {
    return this.#start;
  }

  protected get end(): number {
    return this.#end;
  }

  /** The head that came in pieces, the last of them in `buf`. */
  protected joined(buf: Buffer): string {
    const raw = this.#earlier + latin1(buf, this.#start, this.#end);
    this.#earlier = '';
    return raw;
  }
}

/** Reads the heads of a client's requests. */
export class RequestReader extends HeadReader {
  readonly #memo: RequestMemo;

  /** @param memo for heads with these limits only */
  constructor(limits: HeadLimits, memo: RequestMemo) {
    super(limits);
    this.#memo = memo;
  }

  /** Parses the head that `read` has found in `buf`. */
  parse(buf: Buffer, out: RequestHead): RefusalCode {
    return this.inOnePiece
      ? readRequestHead(buf, this.start, this.end, out, this.limits, this.#memo)
      : parseRequestHead(this.joined(buf), out, this.limits);
  }
}

/** Reads the heads of a backend's answers. */
export class ResponseReader extends HeadReader {
  readonly #memo: ResponseMemo;

  /** @param memo for heads with these limits only */
  constructor(limits: HeadLimits, memo: ResponseMemo) {
    super(limits);
    this.#memo = memo;
  }

  /** Parses the head that `read` has found in `buf`. */
  parse(buf: Buffer, requestMethod: string, out: ResponseHead): RefusalCode {
    return this.inOnePiece
      ? readResponseHead(buf, this.start, this.end, requestMethod, out, this.limits, this.#memo)
      : parseResponseHead(this.joined(buf), requestMethod, out, this.limits);
  }
}
