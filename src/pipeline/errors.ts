/** Who is at fault: decides the status class and whose error rate counts it. */
export type ErrorOrigin = 'client' | 'upstream' | 'gateway';

/** Stable codes for logs (`error` field) and metrics. A code is never used again for another meaning. */
export type GatewayErrorCode =
  | 'clientAborted'
  | 'clientTimeout'
  | 'clientBodyTooLarge'
  | 'clientBodyInvalid'
  /** A policy refused a body in the middle of it. */
  | 'bodyRefused'
  /** The thread may hold no more bytes of bodies. */
  | 'bodyMemoryFull'
  /** What came is no request that can be served. */
  | 'requestRefused'
  | 'noRoute'
  | 'noEndpoint'
  | 'poolExhausted'
  | 'connectFailed'
  | 'connectTimeout'
  | 'upstreamReset'
  | 'upstreamInvalid'
  | 'upstreamTruncated'
  | 'upstreamTimeout'
  | 'requestTimeout'
  | 'idleTimeout'
  | 'draining'
  | 'rewriteRefused'
  | 'ruleFailed'
  /** The policies of the request's Consumer could not be built. */
  | 'consumerFailed'
  | 'policyThrew'
  | 'internal';

export class GatewayError extends Error {
  readonly origin: ErrorOrigin;
  readonly code: GatewayErrorCode;
  /** True when no byte of the request reached an application, so another try can't do harm. */
  readonly retrySafe: boolean;

  constructor(origin: ErrorOrigin, code: GatewayErrorCode, retrySafe: boolean, message: string) {
    // An outcome of traffic, not a fault of ours: where it was made tells nobody anything, and costs more than the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'GatewayError';
    this.origin = origin;
    this.code = code;
    this.retrySafe = retrySafe;
  }
}
