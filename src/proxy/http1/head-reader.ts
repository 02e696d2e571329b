import { HeadScanner, NEED_MORE } from './head-scanner.ts';
import { latin1 } from './latin1.ts';
import type { HeadLimits } from './limits.ts';
import type { RefusalCode } from './refusal.ts';
import { parseRequestHead, type RequestHead, readRequestHead } from './request-head.ts';
import { parseResponseHead, type ResponseHead, readResponseHead } from './response-head.ts';

/** Finds heads that may arrive in pieces, and parses them: from the bytes where a head is in one piece. */
export class HeadReader {
  #earlier = '';
  #start = 0;
  #end = 0;
  readonly #scanner: HeadScanner;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
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

  /** Parses the head that `read` has found in `buf`. */
  parseRequest(buf: Buffer, out: RequestHead): RefusalCode {
    if (this.#earlier === '') return readRequestHead(buf, this.#start, this.#end, out, this.#limits);
    return parseRequestHead(this.#joined(buf), out, this.#limits);
  }

  /** Parses the head that `read` has found in `buf`. */
  parseResponse(buf: Buffer, requestMethod: string, out: ResponseHead): RefusalCode {
    if (this.#earlier === '') {
      return readResponseHead(buf, this.#start, this.#end, requestMethod, out, this.#limits);
    }
    return parseResponseHead(this.#joined(buf), requestMethod, out, this.#limits);
  }

  #joined(buf: Buffer): string {
    const raw = this.#earlier + latin1(buf, this.#start, this.#end);
    this.#earlier = '';
    return raw;
  }
}
