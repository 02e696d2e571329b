import { describe, expect, it } from 'vitest';
import type { ConsumerIr } from '../../ir/consumer.ts';
import { identityOf, identitySlot } from '../../pipeline/identity.ts';
import { createLimitMemory, setReplicas } from '../../state/limits/memory.ts';
import { bindPoliciesWith, exchange, type TestAnswer, testStep } from '../testing.ts';
import { rateLimit } from './index.ts';

const key = [{ constant: 'all' }];
const bucket = (capacity: number, rate = '1/d') => ({ tokenBucket: { capacity, rate } });
const memory = () => createLimitMemory({ threads: 1, bucketBytes: 65_536, permitKeys: 16 });
const count = (statuses: readonly number[], status: number) =>
  statuses.filter((one) => one === status).length;

describe('scope replicas', () => {
  function replica(replicas: number, limit: object, more: object = {}) {
    const limits = memory();
    setReplicas(limits, replicas);
    const config = { scope: 'replicas', limits: [{ name: 'one', key, ...limit }], ...more };
    const rule = bindPoliciesWith({ env: { limits } }, [rateLimit, config]);
    const statuses = async (times: number) => {
      const all: number[] = [];
      for (let i = 0; i < times; i++) all.push((await exchange(rule)).status);
      return all;
    };
    return { admitted: async (times: number) => count(await statuses(times), 200), rule, limits };
  }

  it.each([
    [bucket(10), 1, 10],
    [bucket(10), 2, 5],
    [bucket(10), 3, 3],
    [bucket(10), 10, 1],
    [bucket(2), 10, 1],
    [{ windows: { month: 10 } }, 3, 3],
    [{ windows: { month: 1 } }, 3, 1],
  ])('%j over %d replicas: each admits %d', async (limit, replicas, admitted) => {
    expect(await replica(replicas, limit).admitted(30)).toBe(admitted);
  });

  it('what was counted stays true when replicas come and go', async () => {
    const { admitted, limits } = replica(2, bucket(12));
    expect(await admitted(3)).toBe(3);
    setReplicas(limits, 3);
    expect(await admitted(30)).toBe(2);
    setReplicas(limits, 1);
    expect(await admitted(30)).toBe(0);
  });

  it('tells what this replica has left, and a wait that is true here', async () => {
    const { rule } = replica(2, bucket(4, '1/s'), { headers: 'standard' });
    expect((await exchange(rule)).header('ratelimit')).toMatch(/^"one";r=1;/);
    await exchange(rule);
    expect((await exchange(rule)).header('retry-after')).toBe('2');
  });

  it('is refused where nobody says how many there are', () => {
    expect(() => replica(0, bucket(1))).toThrow('portreeve.yaml does not say how many there are');
  });
});

describe('cost by a header of the answer', () => {
  function gate(...limits: readonly object[]) {
    const config = {
      limits: limits.map((limit, i) => ({ name: `l${i}`, key, ...limit })),
      headers: 'standard',
    };
    const rule = bindPoliciesWith({ env: { limits: memory() } }, [rateLimit, config]);
    return (answer: TestAnswer = {}) => exchange(rule, {}, answer);
  }
  const told = (cost: string): TestAnswer => ({ lines: [`X-Cost: ${cost}`] });

  it('is taken when it is known, below zero if it must', async () => {
    const send = gate({ ...bucket(10), costResponseHeader: 'X-Cost' });
    await send(told('8'));
    expect((await send(told('30'))).header('ratelimit')).toMatch(/^"l0";r=1;/);
    const refused = await send();
    expect(refused.status).toBe(429);
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(28 * 86_400);
  });

  it.each([['1'], ['0'], ['-5'], ['x'], ['1.5'], ['']])('%j takes no more than before', async (cost) => {
    const send = gate({ ...bucket(3), costResponseHeader: 'X-Cost' });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await send(told(cost))).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it('clients do not see the header, and two limits read it', async () => {
    const send = gate(
      { ...bucket(10), costResponseHeader: 'X-Cost' },
      { windows: { month: 10 }, costResponseHeader: 'x-cost' },
    );
    expect((await send(told('4'))).header('x-cost')).toBeNull();
    expect((await send()).header('ratelimit')).toMatch(/^"l0";r=5;.*, "l1";r=5;/);
  });
});

describe('a Consumer with limits of its own', () => {
  const who = testStep('authn', (x) => {
    const name = x.request.header('who');
    if (name !== null)
      x.set(
        identitySlot,
        identityOf({ consumer: name, consumerKey: `Consumer/test/${name}`, schemes: ['who'] }),
      );
  });
  const tier = (name: string, limit: object) => ({
    ...{ id: `test/${name}`, scope: 'local' as const },
    limits: [{ name, key: [{ consumer: {} }], cost: 1, shadow: false, ...limit }],
  });
  const gold = tier('gold', bucket(5));
  const broken = {
    ...tier('broken', bucket(5)),
    scope: 'cluster' as const,
    store: { redis: { ref: 'nowhere' }, onFailure: 'open' as const },
  };
  const consumers: Record<string, Partial<ConsumerIr>> = {
    ann: { rateLimit: gold },
    bob: { rateLimit: gold },
    eve: { rateLimit: broken },
    joe: { rateLimit: null },
  };
  const of = (key: string) => (consumers[key.replace('Consumer/test/', '')] as ConsumerIr) ?? null;
  const limits = [{ name: 'route', key, ...bucket(2) }];
  const gate = (...policies: [typeof rateLimit, object][]) => {
    const rule = bindPoliciesWith({ env: { limits: memory(), consumer: of } }, [who, {}], ...policies);
    return (name: string) => exchange(rule, { lines: [`who: ${name}`] });
  };

  it("is under those, and not under the route's", async () => {
    const send = gate([rateLimit, { limits }]);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await send('ann')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await send('ann')).header('x-ratelimit-limit-type')).toBe('gold');
    expect((await send('bob')).status).toBe(200);
    const others: number[] = [];
    for (const name of ['joe', 'nobody', 'joe']) others.push((await send(name)).status);
    expect(others).toEqual([200, 200, 429]);
  });

  it('is counted once where a rule has two policies', async () => {
    const send = gate([rateLimit, { limits }], [rateLimit, { limits }]);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await send('ann')).status);
    expect(count(statuses, 200)).toBe(5);
  });

  it('limits that can not be bound shut out that Consumer, and nobody else', async () => {
    const send = gate([rateLimit, { limits }]);
    await expect(send('eve')).rejects.toThrow('no redis connection "nowhere"');
    expect((await send('joe')).status).toBe(200);
  });
});
