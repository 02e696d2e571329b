import type { RetryFailure, RetryPlan } from '../../ir/route.ts';
import type { GatewayError } from '../../pipeline/errors.ts';

/** Idempotent by definition (RFC 9110 section 9.2.2): sending one twice is as sending it once. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** A rule without a plan may still try another endpoint when no connection could be had: nothing was sent. */
const DEFAULT_CONNECT_ATTEMPTS = 2;
const DEFAULT_BASE_MS = 10;
/** Share of a cluster's requests that may be retries where the rule says nothing. */
export const DEFAULT_BUDGET = 0.2;

export interface TryState {
  /** A reused connection died before any byte of an answer. */
  readonly diedIdle?: boolean;
  /** Status of an answer that the plan may not accept. */
  readonly status?: number;
  /** Tries so far. */
  readonly tries: number;
}

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Whether another try is allowed: by the plan, and by what it could do to the backend's state. */
export function retryReason(
  error: GatewayError,
  plan: RetryPlan | null,
  method: string,
  state: TryState,
): 'no' | 'stale' | 'plan' {
  const safe = error.retrySafe || isIdempotent(method);
  if (!safe) return 'no';
  if (state.diedIdle === true) return 'stale';
  const reason = state.status === undefined ? kindOf(error) : null;
  if (plan === null) return reason === 'connect' && state.tries <= DEFAULT_CONNECT_ATTEMPTS ? 'plan' : 'no';
  if (state.tries > plan.attempts) return 'no';
  const named = plan.when.some((one) =>
    typeof one === 'string' ? one === reason : one.status === state.status,
  );
  return named ? 'plan' : 'no';
}

function kindOf(error: GatewayError): RetryFailure | null {
  switch (error.code) {
    case 'connectFailed':
    case 'connectTimeout':
      return 'connect';
    case 'upstreamReset':
      return 'reset';
    case 'upstreamTimeout':
      return 'timeout';
    default:
      return null;
  }
}

/** Pause before the next try: anything up to a bound that grows with the tries ("full jitter"), so that clients spread out. */
export function backoffMs(plan: RetryPlan | null, tries: number): number {
  const { kind, baseMs, maxMs } = plan?.backoff ?? {
    kind: 'linear',
    baseMs: DEFAULT_BASE_MS,
    maxMs: DEFAULT_BASE_MS,
  };
  const grown = kind === 'exponential' ? baseMs * 2 ** (tries - 1) : baseMs * tries;
  return Math.random() * Math.min(grown, maxMs);
}
