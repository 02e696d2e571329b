import { setImmediate } from 'node:timers/promises';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { definePolicy } from '../pipeline/policy.ts';
import { concurrencyLimit } from './concurrency-limit.ts';
import { bindPolicies, exchange } from './testing.ts';

/** Keeps a request under way until it is let go. */
let letGo: (() => void)[] = [];
const waits = definePolicy({
  name: 'waits',
  phase: 'upstream',
  summary: 'For tests.',
  schema: Type.Object({}, { additionalProperties: false }),
  bind: () => ({ onRequest: () => new Promise<void>((resolve) => letGo.push(resolve)) }),
});

function gate(config: object) {
  letGo = [];
  const rule = bindPolicies([concurrencyLimit, config], [waits, {}]);
  return (lines: readonly string[] = []) => exchange(rule, { lines });
}

test('as many as may be; the next when one has ended', async () => {
  const send = gate({ max: 2, name: 'few' });
  const running = [send(), send()];
  const refused = await send();
  expect([refused.status, refused.header('x-ratelimit-limit-type')]).toEqual([429, 'few']);
  letGo.shift()!();
  await running[0];
  const next = send();
  expect((await send()).status).toBe(429);
  for (const go of letGo) go();
  expect([(await running[1]!).status, (await next).status]).toEqual([200, 200]);
});

test('a refused request gives nothing back', async () => {
  const send = gate({ max: 1 });
  const first = send();
  for (let i = 0; i < 3; i++) expect((await send()).status).toBe(429);
  letGo[0]!();
  expect((await first).status).toBe(200);
});

test('by key; who has none is not limited', async () => {
  const send = gate({ max: 1, key: [{ header: 'tenant' }] });
  const running = [send(['tenant: a']), send(['tenant: b']), send(), send()];
  expect((await send(['tenant: a'])).status).toBe(429);
  for (const go of letGo) go();
  for (const one of running) expect((await one).status).toBe(200);
});

test('a shadow refuses nothing', async () => {
  const send = gate({ max: 1, shadow: true });
  const running = [send(), send()];
  await setImmediate();
  for (const go of letGo) go();
  for (const one of running) expect((await one).status).toBe(200);
});
