import type { Duplex } from 'node:stream';
import type { BodyTap, ResponseBody } from '../../pipeline/body.ts';
import type { ResponseView } from '../exchange/response-view.ts';
import type { BodyFlow } from './flow.ts';
import { destroyQuietly } from './stages.ts';

/** Whose answer it is. */
export interface ResponseBodyHost {
  readonly request: { readonly method: string };
  readonly response: ResponseView;
  /** Null until a policy asks for the body. */
  readonly responseFlow: BodyFlow | null;
  openResponseFlow(): BodyFlow;
}

const NOTHING = Buffer.alloc(0);

/** What policies see of an answer's body, the backend's or one that was made here. */
export class PolicyResponseBody implements ResponseBody {
  readonly #host: ResponseBodyHost;

  constructor(host: ResponseBodyHost) {
    this.#host = host;
  }

  get length(): number | null {
    const { responseFlow, response } = this.#host;
    if (this.#bodiless) return 0;
    if (responseFlow !== null) return responseFlow.knownBytes;
    if (response.made !== null) return bytesOf(response.made).length;
    const head = response.head!;
    if (head.framing === 'none') return 0;
    return head.framing === 'length' ? head.contentLength : null;
  }

  read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null> {
    const { length } = this;
    if (length === 0) return NOTHING;
    if (length !== null && length > maxBytes) return null;
    const { responseFlow, response } = this.#host;
    if (responseFlow === null && response.made !== null) return bytesOf(response.made);
    return this.#flow().read(maxBytes);
  }

  replace(bytes: Uint8Array): void {
    const { responseFlow, response } = this.#host;
    if (responseFlow === null && response.made !== null) response.made = bytes;
    else this.#flow().replace(bytes);
  }

  transform(stream: Duplex, explain?: (error: Error) => Error): void {
    if (this.length !== 0) {
      this.#flow().transform(stream, explain);
      return;
    }
    destroyQuietly(stream);
    // What HEAD says is what GET would have said.
    if (this.#host.request.method === 'HEAD') this.#host.response.lengthIsUnknown = true;
  }

  tap(tap: BodyTap): void {
    const { responseFlow, response } = this.#host;
    if (this.length === 0) tap.onEnd();
    else if (responseFlow === null && response.made !== null) {
      tap.onData(bytesOf(response.made));
      tap.onEnd();
    } else this.#flow().tap(tap);
  }

  /** No body follows its head, whatever that says (RFC 9110 section 6.4.1). */
  get #bodiless(): boolean {
    const { request, response } = this.#host;
    return request.method === 'HEAD' || response.status === 204 || response.status === 304;
  }

  #flow(): BodyFlow {
    return this.#host.responseFlow ?? this.#host.openResponseFlow();
  }
}

function bytesOf(made: string | Uint8Array): Buffer {
  if (typeof made === 'string') return Buffer.from(made, 'utf8');
  return Buffer.from(made.buffer, made.byteOffset, made.byteLength);
}
