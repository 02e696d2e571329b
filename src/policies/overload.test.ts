import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { overload } from './overload.ts';
import { bindPolicies, bindPoliciesWith, exchange } from './testing.ts';

/** Keeps the thread busy: timers and everything else wait for it. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** A thread that does nothing but work, with a moment between two pieces of it. */
async function overloaded(until: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200 && !(await until()); i++) {
    block(220);
    await sleep(0);
  }
}

test('a thread that is late turns away low before normal, never critical, and recovers', async () => {
  const bind = (priority: string) => bindPolicies([overload, { priority, maxDelay: '100ms' }]);
  const rules = { low: bind('low'), normal: bind('normal'), critical: bind('critical') };
  const status = async (name: keyof typeof rules) => (await exchange(rules[name])).status;
  expect([await status('low'), await status('normal')]).toEqual([200, 200]);
  const order: string[] = [];
  await overloaded(async () => {
    for (const name of ['normal', 'low', 'critical'] as const) {
      if ((await status(name)) === 503 && !order.includes(name)) order.push(name);
    }
    return order.length === 2;
  });
  expect(order).toEqual(['low', 'normal']);
  const refused = await exchange(rules.low);
  expect(Number(refused.header('retry-after'))).toBeGreaterThan(0);
  expect(refused.header('content-type')).toBe('application/problem+json');
  let calm = 0;
  while (calm < 20) {
    await sleep(20);
    calm = (await status('low')) === 200 && (await status('normal')) === 200 ? calm + 1 : 0;
  }
  for (const rule of Object.values(rules)) for (const { policy } of rule.steps) policy.close?.();
});

test('what it does is counted by priority, and how hard it does it is shown', async () => {
  const shed: Record<string, number> = {};
  const shown: number[] = [];
  const env = {
    overloadShed: (priority: string) => {
      shed[priority] = 0;
      return { add: (n: number) => (shed[priority]! += n) };
    },
    overloadPressure: () => ({ add: () => undefined, set: (value: number) => shown.push(value) }),
  };
  const bind = (config: object) => bindPoliciesWith({ env: env as never }, [overload, config]);
  const [strict, lax] = [bind({ priority: 'low', maxDelay: '50ms' }), bind({ maxDelay: '1h' })];
  expect([shed, shown.at(-1)]).toEqual([{ low: 0, normal: 0 }, 0]);
  let refused = 0;
  await overloaded(async () => {
    if ((await exchange(strict)).status === 503) refused++;
    await exchange(lax);
    return refused >= 3;
  });
  expect(shed).toEqual({ low: refused, normal: 0 });
  // Of several policies the one that turns away most is shown.
  expect(shown.at(-1)).toBeGreaterThan(0);
  for (const rule of [strict, lax]) for (const { policy } of rule.steps) policy.close?.();
  expect(shown.at(-1)).toBe(0);
});

test('one long pause is no overload', async () => {
  const rule = bindPolicies([overload, { priority: 'low', maxDelay: '300ms' }]);
  block(600);
  for (let i = 0; i < 30; i++) {
    expect((await exchange(rule)).status).toBe(200);
    await sleep(10);
  }
  for (const { policy } of rule.steps) policy.close?.();
});

test('a delay of nothing is refused', () => {
  expect(() => bindPolicies([overload, { maxDelay: '0s' }])).toThrow('more than 0');
});
