import { describe, expect, it } from 'vitest';
import type { RetryFailure, RetryPlan } from '../../ir/route.ts';
import { GatewayError, type GatewayErrorCode } from '../../pipeline/errors.ts';
import { backoffMs, isIdempotent, retryReason } from './retry.ts';

function plan(when: readonly RetryFailure[], more: Partial<RetryPlan> = {}): RetryPlan {
  return { attempts: 2, when, backoff: { kind: 'exponential', baseMs: 10, maxMs: 50 }, budget: 0.2, ...more };
}

/** Nothing was sent in the first; whether the second was carried out is unknown. */
const unsent = (code: GatewayErrorCode) => new GatewayError('upstream', code, true, 'test');
const sent = (code: GatewayErrorCode) => new GatewayError('upstream', code, false, 'test');

describe('retryReason', () => {
  it.each<[string, GatewayError, RetryPlan | null, string, number, string]>([
    ['no connection, no plan', unsent('connectFailed'), null, 'POST', 1, 'plan'],
    ['no connection, no plan, second time', unsent('connectTimeout'), null, 'POST', 2, 'plan'],
    ['no connection, no plan, third time', unsent('connectFailed'), null, 'POST', 3, 'no'],
    ['reset, no plan', sent('upstreamReset'), null, 'GET', 1, 'no'],
    ['time-out, no plan', sent('upstreamTimeout'), null, 'GET', 1, 'no'],
    ['reset', sent('upstreamReset'), plan(['reset']), 'GET', 1, 'plan'],
    ['reset of a POST', sent('upstreamReset'), plan(['reset']), 'POST', 1, 'no'],
    ['reset of a PATCH', sent('upstreamReset'), plan(['reset']), 'PATCH', 1, 'no'],
    ['reset of an unknown method', sent('upstreamReset'), plan(['reset']), 'FOO', 1, 'no'],
    ['reset of a PUT', sent('upstreamReset'), plan(['reset']), 'PUT', 1, 'plan'],
    ['reset, planned for connect only', sent('upstreamReset'), plan(['connect']), 'GET', 1, 'no'],
    ['connect of a POST', unsent('connectFailed'), plan(['connect']), 'POST', 1, 'plan'],
    ['connect, not planned', unsent('connectFailed'), plan(['reset']), 'GET', 1, 'no'],
    ['time-out', sent('upstreamTimeout'), plan(['timeout']), 'GET', 1, 'plan'],
    ['last attempt', sent('upstreamReset'), plan(['reset']), 'GET', 2, 'plan'],
    ['no attempt left', sent('upstreamReset'), plan(['reset']), 'GET', 3, 'no'],
    ['no attempts at all', sent('upstreamReset'), plan(['reset'], { attempts: 0 }), 'GET', 1, 'no'],
    ['pool exhausted', unsent('poolExhausted'), plan(['connect', 'reset', 'timeout']), 'GET', 1, 'no'],
    ['truncated', sent('upstreamTruncated'), plan(['connect', 'reset', 'timeout']), 'GET', 1, 'no'],
  ])('%s', (_, error, one, method, tries, reason) => {
    expect(retryReason(error, one, method, { tries })).toBe(reason);
  });

  it('a stale connection costs no attempt, but only of what may be sent twice', () => {
    const error = sent('upstreamReset');
    expect(retryReason(error, null, 'GET', { tries: 9, diedIdle: true })).toBe('stale');
    expect(retryReason(error, null, 'POST', { tries: 1, diedIdle: true })).toBe('no');
  });

  it('a status only where the plan names it', () => {
    const error = sent('upstreamReset');
    const reason = (status: number, method = 'GET') =>
      retryReason(error, plan(['reset', { status: 503 }]), method, { tries: 1, status });
    expect([reason(503), reason(502), reason(503, 'POST')]).toEqual(['plan', 'no', 'no']);
  });
});

it.each([
  ['GET', true],
  ['HEAD', true],
  ['OPTIONS', true],
  ['PUT', true],
  ['DELETE', true],
  ['POST', false],
  ['PATCH', false],
  ['get', false],
])('isIdempotent(%s) is %s', (method, idempotent) => {
  expect(isIdempotent(method)).toBe(idempotent);
});

describe('backoffMs', () => {
  it.each([
    ['exponential', [10, 20, 40, 50, 50]],
    ['linear', [10, 20, 30, 40, 50]],
  ] as const)('%s: anything up to a bound that grows', (kind, bounds) => {
    const one = plan([], { backoff: { kind, baseMs: 10, maxMs: 50 } });
    for (const [i, bound] of bounds.entries()) {
      const pauses = Array.from({ length: 500 }, () => backoffMs(one, i + 1));
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...pauses)).toBeLessThan(bound);
      expect(Math.max(...pauses)).toBeGreaterThan(bound * 0.8);
    }
  });

  it('without a plan is short', () => {
    for (let tries = 1; tries < 9; tries++) expect(backoffMs(null, tries)).toBeLessThan(10);
  });
});
