/**
 * Why a call of our own gave nothing:
 *   refused    its target may not be called;
 *   shut       it failed lately, and was not tried;
 *   timeout    no whole answer in time;
 *   tooLarge   the answer is larger than may be kept;
 *   aborted    whoever asked went away;
 *   failed     no connection, or not HTTP.
 */
export type OutboundFailureCode = 'refused' | 'shut' | 'timeout' | 'tooLarge' | 'aborted' | 'failed';

/** A call of our own that gave no answer. The message is for the operator: it may name hosts and addresses, no secrets. */
export class OutboundFailure extends Error {
  readonly code: OutboundFailureCode;

  constructor(code: OutboundFailureCode, message: string) {
    super(message);
    this.name = 'OutboundFailure';
    this.code = code;
  }
}
