import { getEventListeners } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import { fault } from './fault.ts';
import { bindPolicies, exchange } from './testing.ts';

afterEach(() => {
  vi.useRealTimers();
});

async function abortedOf(count: number, percent: number): Promise<number> {
  const rule = bindPolicies([fault, { abort: { status: 503, percent } }]);
  let aborted = 0;
  for (let i = 0; i < count; i++) if ((await exchange(rule)).status === 503) aborted++;
  return aborted;
}

test('aborts every request, none, or about the share that is asked for', async () => {
  expect(await abortedOf(50, 100)).toBe(50);
  expect(await abortedOf(50, 0)).toBe(0);
  const half = await abortedOf(1000, 50);
  // Ten standard deviations.
  expect(Math.abs(half - 500)).toBeLessThan(160);
});

test('answers problem details, or the body that is given', async () => {
  const plain = await exchange(bindPolicies([fault, { abort: { status: 503 } }]));
  expect(plain).toMatchObject({ status: 503, forwarded: null });
  expect(plain.header('content-type')).toBe('application/problem+json');
  const custom = await exchange(bindPolicies([fault, { abort: { status: 429, body: 'slow down' } }]));
  expect(custom).toMatchObject({ status: 429, body: 'slow down' });
  expect(custom.header('content-type')).toBe('text/plain; charset=utf-8');
});

test('holds a request for the whole delay, then lets it through', async () => {
  vi.useFakeTimers();
  const rule = bindPolicies([fault, { delay: { duration: '2s' } }]);
  let done = false;
  const pending = exchange(rule).then((outcome) => {
    done = true;
    return outcome;
  });
  await vi.advanceTimersByTimeAsync(1999);
  expect(done).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect((await pending).forwarded).not.toBeNull();
});

test('delays before it aborts', async () => {
  vi.useFakeTimers();
  const rule = bindPolicies([fault, { delay: { duration: '1s' }, abort: { status: 500 } }]);
  const pending = exchange(rule);
  await vi.advanceTimersByTimeAsync(1000);
  expect((await pending).status).toBe(500);
});

test('a request that is not delayed costs no turn of the event loop', () => {
  const rule = bindPolicies([
    fault,
    { delay: { duration: '1s', percent: 0 }, abort: { status: 500, percent: 0 } },
  ]);
  expect(rule.onRequest![0]!.policy.onRequest!({} as never)).toBeUndefined();
});

test('a client that leaves ends its delay: no timer and no listener stays', async () => {
  vi.useFakeTimers();
  const rule = bindPolicies([fault, { delay: { duration: '10m' } }]);
  const client = new AbortController();
  const pending = exchange(rule, { signal: client.signal });
  expect([vi.getTimerCount(), getEventListeners(client.signal, 'abort').length]).toEqual([1, 1]);
  client.abort();
  await pending;
  expect([vi.getTimerCount(), getEventListeners(client.signal, 'abort').length]).toEqual([0, 0]);
});

test('a delay that has passed leaves no listener, and one that never began no timer', async () => {
  vi.useFakeTimers();
  const rule = bindPolicies([fault, { delay: { duration: '1s' } }]);
  const client = new AbortController();
  const pending = exchange(rule, { signal: client.signal });
  await vi.advanceTimersByTimeAsync(1000);
  await pending;
  expect(getEventListeners(client.signal, 'abort')).toHaveLength(0);
  await exchange(rule, { signal: AbortSignal.abort() });
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  [{}, 'must not be empty'],
  [{ delay: { duration: '11m' } }, '11m is longer than 10m'],
  [{ delay: { duration: 'soon' } }, 'write a duration like 30s'],
  [{ abort: { status: 200 } }, 'must be >= 400'],
  [{ abort: { status: 500, percent: 101 } }, 'must be <= 100'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([fault, config])).toThrow(message);
});
