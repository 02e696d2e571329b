import { BodyDecoder } from '../../../src/proxy/http1/body-decoder.ts';
import type { Fields } from '../../../src/proxy/http1/fields.ts';
import { HeadScanner, NEED_MORE } from '../../../src/proxy/http1/head-scanner.ts';
import { type RefusalCode, refusalOf } from '../../../src/proxy/http1/refusal.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../../src/proxy/http1/response-head.ts';

export const HEAD_LIMITS = { maxHeadBytes: 8192, maxHeaders: 100, maxTargetBytes: 4096 };
export const BODY_LIMITS = { maxBodyBytes: 0, maxTrailerBytes: 4096, maxChunkExtensionBytes: 64 };

/** One message as a parser saw it. Requests have method and target, responses status and reason. */
export interface Message {
  start: string;
  fields: [name: string, value: string][];
  body: string;
  /** The end of the body was seen. */
  complete: boolean;
}

export interface Outcome {
  messages: Message[];
  /** Why reading stopped; null: all bytes were read, or what follows is not HTTP/1.1 any more. */
  refusal: RefusalCode | null;
  /** Trailer lines of the last complete message. */
  trailers: string;
}

function fieldList(fields: Fields): [string, string][] {
  return Array.from({ length: fields.count }, (_, index) => [fields.name(index), fields.value(index)]);
}

/** Parses a head and readies the decoder. `last`: nothing after this message is HTTP/1.1. */
type TakeHead = (raw: string, decoder: BodyDecoder) => Message | RefusalCode | { last: Message };

/** Reads one message after another from pieces, as a connection does. */
class Reader {
  readonly outcome: Outcome = { messages: [], refusal: null, trailers: '' };
  readonly #scanner = new HeadScanner(HEAD_LIMITS.maxHeadBytes);
  readonly #decoder = new BodyDecoder();
  readonly #takeHead: TakeHead;
  #head = '';
  #inBody = false;
  #last = false;
  #stopped = false;

  constructor(takeHead: TakeHead) {
    this.#takeHead = takeHead;
  }

  feed(buf: Buffer): void {
    let at = 0;
    while (at < buf.length && !this.#stopped) {
      at = this.#inBody ? this.#readBody(buf, at) : this.#readHead(buf, at);
    }
  }

  finish(): Outcome {
    if (this.#inBody && this.#decoder.finish() === 0) this.#endMessage();
    return this.outcome;
  }

  #refuse(code: RefusalCode): number {
    this.outcome.refusal = code;
    this.#stopped = true;
    return Number.POSITIVE_INFINITY;
  }

  #readHead(buf: Buffer, at: number): number {
    const end = this.#scanner.scan(buf, at, buf.length);
    if (end < NEED_MORE) return this.#refuse(refusalOf(end));
    this.#head += buf.toString('latin1', at, end === NEED_MORE ? buf.length : end);
    if (end === NEED_MORE) return buf.length;
    const taken = this.#takeHead(this.#head, this.#decoder);
    this.#head = '';
    this.#scanner.reset();
    if (typeof taken === 'number') return this.#refuse(taken);
    this.#last = 'last' in taken;
    this.outcome.messages.push('last' in taken ? taken.last : taken);
    this.#inBody = true;
    if (this.#decoder.done) this.#endMessage();
    return end;
  }

  #readBody(buf: Buffer, at: number): number {
    const message = this.outcome.messages.at(-1)!;
    const end = this.#decoder.execute(buf, at, buf.length, {
      onData: (data, from, to) => {
        message.body += data.toString('latin1', from, to);
      },
    });
    if (end < 0) return this.#refuse(refusalOf(end));
    if (this.#decoder.done) this.#endMessage();
    return end;
  }

  #endMessage(): void {
    this.outcome.messages.at(-1)!.complete = true;
    this.outcome.trailers = this.#decoder.trailers;
    this.#inBody = false;
    this.#stopped = this.#last;
  }
}

/** Requests until the bytes end, one is refused, or one ends the connection's use for HTTP/1.1. */
export function readRequests(pieces: readonly Buffer[]): Outcome {
  const head = new RequestHead();
  const reader = new Reader((raw, decoder) => {
    const code = parseRequestHead(raw, head, HEAD_LIMITS);
    if (code !== 0) return code;
    decoder.reset(head.framing, head.contentLength, BODY_LIMITS);
    const message = {
      start: `${head.method} ${head.target}`,
      fields: fieldList(head.fields),
      body: '',
      complete: false,
    };
    // Bytes after a wish to upgrade are of that protocol, or wait for the answer.
    const wishesUpgrade = head.controls.connection.upgrade && head.controls.upgradeLines > 0;
    const last = !head.keepAlive || head.method === 'CONNECT' || wishesUpgrade;
    return last ? { last: message } : message;
  });
  for (const piece of pieces) reader.feed(piece);
  return reader.finish();
}

/** The responses to one request, interim ones among them. */
export function readResponses(pieces: readonly Buffer[], requestMethod: string): Outcome {
  const head = new ResponseHead();
  const reader = new Reader((raw, decoder) => {
    const code = parseResponseHead(raw, requestMethod, head, HEAD_LIMITS);
    if (code !== 0) return code;
    decoder.reset(head.framing, head.contentLength, BODY_LIMITS);
    const message = {
      start: `${head.status} ${head.reason}`,
      fields: fieldList(head.fields),
      body: '',
      complete: false,
    };
    return head.status >= 200 || head.status === 101 ? { last: message } : message;
  });
  for (const piece of pieces) reader.feed(piece);
  return reader.finish();
}
