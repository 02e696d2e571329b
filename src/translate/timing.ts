import type { Backoff, RetryFailure, RetryPlan, TimeoutSetting } from '../ir/route.ts';
import { parseDuration } from '../lib/duration.ts';
import type { RouteRule } from '../resources/gateway-route/schema.ts';

const DEFAULT_BACKOFF: Backoff = { kind: 'exponential', baseMs: 25, maxMs: 1000 };

const UNSET: TimeoutSetting = { kind: 'default' };
const DISABLED: TimeoutSetting = { kind: 'disabled' };

/** `0s` switches a time-out off; nothing leaves it to the gateway's default. */
export function translateTimeout(text: string | undefined): TimeoutSetting {
  if (text === undefined) return UNSET;
  const ms = parseDuration(text);
  return ms === 0 ? DISABLED : { kind: 'after', ms };
}

export function translateRetry(retry: RouteRule['retry']): RetryPlan | null {
  if (retry === undefined) return null;
  return {
    attempts: retry.attempts,
    when: retry.when.map(translateFailure),
    backoff: translateBackoff(retry.backoff),
    budget: Number(retry.budget.slice(0, -1)) / 100,
  };
}

function translateFailure(failure: string): RetryFailure {
  return failure === 'connect' || failure === 'reset' || failure === 'timeout'
    ? failure
    : { status: Number(failure) };
}

function translateBackoff(backoff: NonNullable<RouteRule['retry']>['backoff']): Backoff {
  const kind = backoff?.linear === undefined ? 'exponential' : 'linear';
  const delays = backoff?.[kind];
  if (delays === undefined) return DEFAULT_BACKOFF;
  return { kind, baseMs: parseDuration(delays.base), maxMs: parseDuration(delays.max) };
}
