import { expect, test } from 'vitest';
import type { ConsumerIr, ConsumerLimits } from '../ir/consumer.ts';
import { ConsumerDirectory } from './consumers.ts';
import { SharedLimits } from './shared-limits.ts';

const limitsOf = (rate: string, id = 'shop/gold'): ConsumerLimits => {
  const key = [{ consumer: {} }];
  const limit = { name: 'tier', key, cost: 1, shadow: false, tokenBucket: { capacity: 5, rate } };
  return { id, scope: 'local', limits: [limit] } as unknown as ConsumerLimits;
};

test('equal limits are one object while somebody has them', () => {
  const shared = new SharedLimits();
  const first = shared.take(limitsOf('1/s'));
  expect(shared.take(limitsOf('1/s'))).toBe(first);
  expect(shared.take(limitsOf('1/s', 'shop/silver'))).not.toBe(first);
  shared.release(first);
  expect(shared.take(limitsOf('1/s'))).toBe(first);
  shared.release(first);
  shared.release(first);
  expect(shared.take(limitsOf('1/s'))).not.toBe(first);
});

test('limits that change are another object, and what has the old ones gives nothing of the new ones back', () => {
  const shared = new SharedLimits();
  const old = shared.take(limitsOf('1/s'));
  const young = shared.take(limitsOf('2/s'));
  expect(young.limits[0]).toMatchObject({ tokenBucket: { rate: '2/s' } });
  shared.release(old);
  expect(shared.take(limitsOf('2/s'))).toBe(young);
});

test('Consumers of a tier share what they were told as copies', () => {
  const directory = new ConsumerDirectory(() => undefined);
  const consumer = (name: string, rate: string) =>
    ({
      ...{ key: `Consumer/shop/${name}`, namespace: 'shop', name, rateLimit: limitsOf(rate) },
      ...{ apiKeys: [], passwords: [], claims: [], certificates: [], signers: [], signingKeys: [] },
    }) as unknown as ConsumerIr;
  const limits = (name: string) => directory.byKey(`Consumer/shop/${name}`)?.rateLimit;
  directory.apply([consumer('a', '1/s'), consumer('b', '1/s')], []);
  const before = limits('a');
  expect(limits('b')).toBe(before);
  directory.apply([consumer('a', '2/s')], []);
  expect(limits('a')).toEqual(limitsOf('2/s'));
  expect(limits('b')).toBe(before);
  directory.apply([consumer('b', '2/s')], []);
  expect(limits('b')).toBe(limits('a'));
  directory.apply([], ['Consumer/shop/a', 'Consumer/shop/b']);
  directory.apply([consumer('c', '2/s')], []);
  expect(limits('c')).toEqual(limitsOf('2/s'));
});
