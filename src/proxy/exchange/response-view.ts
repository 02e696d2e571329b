import type { ResponseBody } from '../../pipeline/body.ts';
import type { ResponseFields } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import { HeaderView } from '../header-view.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/** The answer of an exchange, whether it came from a backend or was made here. */
export class ResponseView extends HeaderView implements ResponseFields {
  status = 0;
  /** The backend's head; null for a reply of the gateway. */
  head: ResponseHead | null = null;
  /** The body of an answer made here; null: the backend's goes out. */
  made: string | Uint8Array | null = null;
  madeHere = false;
  /** The length that the backend's head states is no longer true, and there is no body to count. */
  lengthIsUnknown = false;
  /** Set by the exchange. */
  body!: ResponseBody;
  /** Told when another answer takes the place of this one. */
  onReplaced: () => void = () => undefined;

  useHead(head: ResponseHead): void {
    this.useFields(head.fields);
    this.head = head;
    this.made = null;
    this.lengthIsUnknown = false;
    this.madeHere = false;
    this.status = head.status;
  }

  /** @throws TypeError when a header is none that can be sent. */
  useReply(reply: Reply): void {
    this.useLines(reply.headers);
    this.head = null;
    this.made = reply.body;
    this.lengthIsUnknown = false;
    this.madeHere = reply.stored !== true;
    this.status = reply.status;
  }

  /** Edits made so far go with the answer that they were made to. */
  replace(reply: Reply): void {
    this.useLines(reply.headers);
    this.onReplaced();
    this.made = reply.body;
    if (reply.stored === true) this.madeHere = false;
    this.setStatus(reply.status);
  }

  /** @throws RangeError for what can't be the status of a final answer. */
  setStatus(status: number): void {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`not a final status: ${status}`);
    }
    if (this.made === null && this.head !== null && isBodiless(this.head.status) && !isBodiless(status)) {
      throw new RangeError(`an answer without a body can't become a ${status}`);
    }
    this.status = status;
  }
}

/** Answers that end with their head (RFC 9110 section 6.4.1). */
function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}
