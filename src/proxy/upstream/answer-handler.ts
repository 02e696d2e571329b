import type { GatewayError } from '../../pipeline/errors.ts';
import type { BodySink } from '../http1/body-decoder.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { UpstreamConnection } from './connection.ts';

/** Who waits for a connection. Exactly one of the two is called, unless it withdraws (`Endpoint.withdraw`) first. */
export interface ConnectionWaiter {
  onConnection(connection: UpstreamConnection): void;
  onNoConnection(error: GatewayError): void;
}

/**
 * Who sent a request over an upstream connection. After `onFailure`, or after `onAnswerEnd`, nothing more
 * is called.
 */
export interface AnswerHandler extends BodySink {
  /** 1xx, except 101 when it was asked for. */
  onInformational(head: ResponseHead): void;
  /** The final head, or 101. False: the rest is held back until `resume()`. */
  onHead(head: ResponseHead): boolean;
  /** The bytes of one read have been delivered: time to flush. */
  onReadEnd(): void;
  onAnswerEnd(trailers: string): void;
  /** What the request wrote has been taken by the kernel: more may come. */
  onWritable(): void;
  onFailure(error: GatewayError): void;
}
