import type { Duplex } from 'node:stream';
import type { MessageBody } from '../../pipeline/body.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { BodyFlow } from './flow.ts';
import { destroyQuietly } from './stages.ts';

/** Whose request it is. */
export interface RequestBodyHost {
  /** Null until a policy asks for the body. */
  readonly requestFlow: BodyFlow | null;
  openRequestFlow(): BodyFlow;
}

const NOTHING = new Uint8Array(0);

/** What policies see of a request's body. Made once with the exchange and used again for each request. */
export class PolicyRequestBody implements MessageBody {
  readonly #host: RequestBodyHost;
  readonly #head: RequestHead;

  constructor(host: RequestBodyHost, head: RequestHead) {
    this.#host = host;
    this.#head = head;
  }

  get length(): number | null {
    const { requestFlow } = this.#host;
    if (requestFlow !== null) return requestFlow.knownBytes;
    return announcedBytes(this.#head);
  }

  read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null> {
    const { length } = this;
    if (length === 0) return NOTHING;
    if (length !== null && length > maxBytes) return null;
    return this.#flow().read(maxBytes);
  }

  replace(bytes: Uint8Array): void {
    this.#flow().replace(bytes);
  }

  transform(stream: Duplex, explain?: (error: Error) => Error): void {
    if (this.length === 0) destroyQuietly(stream);
    else this.#flow().transform(stream, explain);
  }

  #flow(): BodyFlow {
    return this.#host.requestFlow ?? this.#host.openRequestFlow();
  }
}

/** Bytes of payload that a request's head announces; null: it does not say. */
export function announcedBytes(head: RequestHead): number | null {
  if (head.framing === 'none') return 0;
  return head.framing === 'length' ? head.contentLength : null;
}
