import { expect, test } from 'vitest';
import type { ConsumerIr } from '../ir/consumer.ts';
import { ConsumerDirectory } from './consumers.ts';

function consumer(name: string, more: Partial<ConsumerIr> = {}, namespace = 'shop'): ConsumerIr {
  return {
    ...{ key: `Consumer/${namespace}/${name}`, namespace, name },
    ...{ groups: [], roles: [], permissions: [], apiKeys: [], passwords: [], claims: [] },
    ...{ certificates: [], rateLimit: null, policies: null, signers: [], signingKeys: [], ...more },
  };
}

const ann = consumer('ann', {
  apiKeys: ['hash-1', 'hash-2'],
  passwords: [{ user: 'ann', secret: 'Secret/shop/ann/password' }],
  claims: [{ claim: 'sub', equals: 'a-1' }],
  certificates: ['CN=ann'],
});

test('finds by every kind of credential, in its namespace only', () => {
  const texts = new Map([['Secret/shop/ann/password', 'one']]);
  const directory = new ConsumerDirectory((key) => texts.get(key));
  const shop = directory.in('shop');
  const none = [null, null, null, null];
  const ask = (of = shop) => [
    of.byApiKey('hash-2'),
    of.byUser('ann')?.consumer ?? null,
    of.byClaims({ iss: 'x', sub: 'a-1' }),
    of.byCertificate('CN=ann'),
  ];
  expect(ask()).toEqual(none);
  directory.apply([ann], []);
  expect(ask()).toEqual([ann, ann, ann, ann]);
  expect(ask(directory.in('other'))).toEqual(none);
  expect(shop.byUser('ann')?.password).toBe('one');
  texts.set('Secret/shop/ann/password', 'two');
  expect(shop.byUser('ann')?.password).toBe('two');
  texts.clear();
  expect(shop.byUser('ann')).toBeNull();
  const { version } = shop;
  directory.apply([], ['Consumer/shop/ann', 'Consumer/shop/unknown']);
  expect(ask()).toEqual(none);
  expect(shop.version).toBeGreaterThan(version);
});

test.each(['__proto__', 'constructor', 'toString'])('a claim named %s is one like any other', (claim) => {
  const directory = new ConsumerDirectory(() => undefined);
  directory.apply([consumer('odd', { claims: [{ claim, equals: 'x' }] })], []);
  expect(directory.in('shop').byClaims({})).toBeNull();
  expect(directory.in('shop').byClaims(JSON.parse(`{"${claim}":"x"}`))?.name).toBe('odd');
});

test('claims go in the order of their names, and are texts', () => {
  const directory = new ConsumerDirectory(() => undefined);
  directory.apply(
    [
      consumer('by-sub', { claims: [{ claim: 'sub', equals: '1' }] }),
      consumer('by-iss', { claims: [{ claim: 'iss', equals: 'i' }] }),
    ],
    [],
  );
  const shop = directory.in('shop');
  expect(shop.byClaims({ sub: '1', iss: 'i' })?.name).toBe('by-iss');
  expect(shop.byClaims({ sub: '1', iss: 'j' })?.name).toBe('by-sub');
  expect(shop.byClaims({ sub: 1, iss: ['i'] })).toBeNull();
});

test('a credential that moved stays with its new owner, in whatever order the two are told', () => {
  const before = consumer('a', { apiKeys: ['moving', 'own'] });
  const after = consumer('a', { apiKeys: ['own'] });
  const owner = consumer('b', { apiKeys: ['moving'] });
  for (const order of [
    [after, owner],
    [owner, after],
  ]) {
    const directory = new ConsumerDirectory(() => undefined);
    directory.apply([before], []);
    directory.apply(order, []);
    const shop = directory.in('shop');
    expect([shop.byApiKey('moving')?.name, shop.byApiKey('own')?.name]).toEqual(['b', 'a']);
  }
});
