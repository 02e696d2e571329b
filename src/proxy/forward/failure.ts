import type { GatewayError, GatewayErrorCode } from '../../pipeline/errors.ts';

interface Failure {
  readonly status: number;
  readonly detail: string;
}

/** 502: it answered wrongly or not at all. 503: there is nobody to ask. 504: it took too long. */
const FAILURES: Partial<Record<GatewayErrorCode, Failure>> = {
  connectFailed: { status: 502, detail: 'The backend could not be reached.' },
  upstreamReset: { status: 502, detail: 'The backend closed the connection without an answer.' },
  upstreamInvalid: { status: 502, detail: 'The backend answered with something that is not valid HTTP.' },
  upstreamTruncated: { status: 502, detail: 'The answer of the backend broke off.' },
  noEndpoint: { status: 503, detail: 'No backend is ready.' },
  poolExhausted: { status: 503, detail: 'The backend has too many requests under way.' },
  connectTimeout: { status: 504, detail: 'The backend could not be reached in time.' },
  upstreamTimeout: { status: 504, detail: 'The backend did not answer in time.' },
  requestTimeout: { status: 504, detail: 'The request took too long.' },
  idleTimeout: { status: 504, detail: 'The backend stopped in the middle of its answer.' },
  bodyMemoryFull: { status: 503, detail: 'The gateway holds too many bodies at once.' },
  consumerFailed: { status: 500, detail: 'The policies of this consumer are not available.' },
  clientTimeout: { status: 408, detail: 'The request body did not arrive in time.' },
  clientBodyTooLarge: { status: 413, detail: 'The request body is larger than the limit.' },
};

/** What the client is told of a failure: nothing internal. */
export function statusOf(error: GatewayError): Failure {
  return FAILURES[error.code] ?? { status: 500, detail: 'The gateway failed.' };
}
