import { afterEach, expect, test, vi } from 'vitest';
import { followReplicas } from './replicas.ts';

const log = { info: () => undefined, warn: () => undefined };
let stop = () => {};
afterEach(() => stop());

const v4 = (...addresses: string[]) => addresses.map((address) => ({ address, family: 4 }));
const v6 = (...addresses: string[]) => addresses.map((address) => ({ address, family: 6 }));

test('a number that is written down, or none at all', async () => {
  const told: number[] = [];
  const onCount = (count: number) => told.push(count);
  stop = await followReplicas({ setting: { kind: 'fixed', count: 3 }, onCount, log });
  await followReplicas({ setting: { kind: 'unknown' }, onCount, log });
  expect(told).toEqual([3]);
});

test('counts the addresses of a name, and says when there are more or fewer', async () => {
  const told: number[] = [];
  const answers = [
    v4('10.0.0.1'),
    [...v4('10.0.0.1', '10.0.0.2', '10.0.0.2'), ...v6('2001:db8::1', '2001:db8::2')],
    v4('10.0.0.1', '10.0.0.2'),
    [],
    new Error('SERVFAIL'),
    v4('10.0.0.1', '10.0.0.2', '10.0.0.3'),
  ];
  stop = await followReplicas({
    setting: { kind: 'dns', name: 'replicas' },
    onCount: (count) => told.push(count),
    log,
    intervalMs: 1,
    lookup: async () => {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  await vi.waitUntil(() => told.length === 3, 10_000);
  expect(told).toEqual([1, 2, 3]);
});

test('until a name is resolved this is the only one', async () => {
  const told: number[] = [];
  const lookup = () => Promise.reject(new Error('no'));
  const onCount = (count: number) => told.push(count);
  stop = await followReplicas({ setting: { kind: 'dns', name: 'x' }, onCount, log, intervalMs: 1, lookup });
  expect(told).toEqual([1]);
});
