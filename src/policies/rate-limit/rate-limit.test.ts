import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, test } from 'vitest';
import { type Identity, identityOf, identitySlot } from '../../pipeline/identity.ts';
import { bindPolicies, exchange, type TestRequest, testStep } from '../testing.ts';
import { rateLimit } from './index.ts';

/** Says who sends the request, by its header `who` in JSON. */
const who = testStep('authn', (x) => {
  const said = x.request.header('who');
  if (said !== null) x.set(identitySlot, identityOf(JSON.parse(said) as Partial<Identity>));
});

const bucket = (capacity: number, rate = '1/d') => ({ tokenBucket: { capacity, rate } });
const limit = (more: object = {}) => ({ name: 'one', key: [{ constant: 'all' }], ...bucket(1), ...more });

const windowed = (name: string, windows: object) => ({ name, key: [{ constant: 'all' }], windows });

function gate(limits: readonly object[], more: object = {}) {
  const rule = bindPolicies([who, {}], [rateLimit, { limits, ...more }]);
  return (sent: TestRequest = {}) => exchange(rule, sent);
}
const identified = (identity: Partial<Identity>): TestRequest => ({
  lines: [`who: ${JSON.stringify(identity)}`],
});

describe('refusals', () => {
  it('are 429 problems that name the limit and tell when to come again', async () => {
    const send = gate([limit({ name: 'per-day', ...bucket(1, '2/d') })]);
    expect((await send()).status).toBe(200);
    const refused = await send();
    expect(refused.status).toBe(429);
    expect(refused.forwarded).toBeNull();
    expect(refused.header('content-type')).toBe('application/problem+json');
    expect(refused.header('x-ratelimit-limit-type')).toBe('per-day');
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(43_000);
    expect(Number(refused.header('retry-after'))).toBeLessThanOrEqual(43_200);
    expect(JSON.parse(refused.body!)).toMatchObject({ status: 429, title: 'Too Many Requests' });
  });

  it('a client that waits as long as it is told gets in', async () => {
    const send = gate([limit(bucket(1, '1/s')), windowed('other', { second: 1 })]);
    await send();
    let refused = await send();
    // The window may have ended between the two, with the bucket not yet full.
    while (refused.status === 200) refused = await send();
    await sleep(Number(refused.header('retry-after')) * 1000);
    expect((await send()).status).toBe(200);
  });

  it('no Retry-After where waiting helps nothing', async () => {
    const send = gate([limit({ ...bucket(5), costHeader: 'X-Cost' })]);
    const refused = await send({ lines: ['X-Cost: 6'] });
    expect([refused.status, refused.header('retry-after')]).toEqual([429, null]);
    expect((await send({ lines: ['X-Cost: 5'] })).status).toBe(200);
  });

  it('cost nothing: what the other limits had is still there', async () => {
    const send = gate([limit({ name: 'large', ...bucket(3) }), limit({ key: [{ header: 'tenant' }] })]);
    const statuses: number[] = [];
    for (const tenant of ['a', 'a', 'a', 'b', 'c', 'd'])
      statuses.push((await send({ lines: [`tenant: ${tenant}`] })).status);
    expect(statuses).toEqual([200, 429, 429, 200, 200, 429]);
  });
});

describe('keys', () => {
  const cases: [string, object[], TestRequest, TestRequest][] = [
    ['API key', [{ apiKey: {} }], identified({ apiKey: 'k1' }), identified({ apiKey: 'k2' })],
    ['user', [{ user: {} }], identified({ user: 'u1' }), identified({ user: 'u2' })],
    ['consumer', [{ consumer: {} }], identified({ consumerKey: 'c1' }), identified({ consumerKey: 'c2' })],
    ['claim', [{ claim: 'org' }], identified({ claims: { org: '1' } }), identified({ claims: { org: 1 } })],
    ['address', [{ clientAddress: {} }], { client: '192.0.2.1' }, { client: '192.0.2.2' }],
    ['header', [{ header: 'X-Tenant' }], { lines: ['x-tenant: a'] }, { lines: ['x-tenant: b'] }],
    ['query', [{ query: 'q' }], { target: '/?q=a' }, { target: '/?q=b' }],
    ['cookie', [{ cookie: 'sid' }], { lines: ['cookie: sid=a'] }, { lines: ['cookie: sid=b'] }],
    ['two parts', [{ query: 'a' }, { query: 'b' }], { target: '/?a=x&b=xy' }, { target: '/?a=xx&b=y' }],
  ];
  it.each(cases)('%s: each has a bucket of its own', async (_, key, one, other) => {
    const send = gate([limit({ key })]);
    const statuses = [one, one, other, other].map(async (sent) => (await send(sent)).status);
    expect(await Promise.all(statuses)).toEqual([200, 429, 200, 429]);
  });

  it.each(cases.slice(0, 4))('%s: who is not known is not limited by it', async (_, key) => {
    const send = gate([limit({ key })]);
    expect([(await send()).status, (await send()).status]).toEqual([200, 200]);
  });

  it('addresses of one block share a bucket', async () => {
    const send = gate([limit({ key: [{ clientAddress: { prefix4: 24, prefix6: 48 } }] })]);
    const clients = [
      '192.0.2.1',
      '192.0.2.200',
      '::ffff:192.0.2.3',
      '192.0.3.1',
      '2001:db8:1:2::1',
      '2001:db8:1:3::1',
    ];
    const statuses: number[] = [];
    for (const client of clients) statuses.push((await send({ client })).status);
    expect(statuses).toEqual([200, 429, 429, 200, 200, 429]);
  });

  it('route and constant: one bucket for all', async () => {
    for (const part of [{ route: {} }, { constant: 'x' }]) {
      const send = gate([limit({ key: [part] })]);
      expect([(await send()).status, (await send({ client: '192.0.2.9' })).status]).toEqual([200, 429]);
    }
  });

  it('the API key is told before the user, the user before the address', async () => {
    const limits = [
      limit({ name: 'constant' }),
      limit({ name: 'address', key: [{ clientAddress: {} }] }),
      limit({ name: 'user', key: [{ user: {} }] }),
      limit({ name: 'key', key: [{ apiKey: {} }] }),
    ];
    const send = gate(limits);
    const all = identified({ apiKey: 'k', user: 'u' });
    await send(all);
    const told = async (sent: TestRequest) => (await send(sent)).header('x-ratelimit-limit-type');
    expect(await told(all)).toBe('key');
    expect(await told(identified({ apiKey: 'k2', user: 'u' }))).toBe('user');
    expect(await told({})).toBe('address');
    expect(await told({ client: '192.0.2.7' })).toBe('constant');
  });
});

test('cost: a number, or a header where that is more', async () => {
  const send = gate([limit({ ...bucket(10), cost: 2, costHeader: 'x-cost' })], { headers: 'standard' });
  const left = async (line: string) =>
    (await send({ lines: [line] })).header('ratelimit')?.match(/r=(\d+)/)?.[1];
  expect(await left('a: b')).toBe('8');
  expect(await left('x-cost: 1')).toBe('6');
  expect(await left('x-cost: 4')).toBe('2');
  expect(await left('x-cost: -4')).toBe('0');
});

test('several windows: each of them holds', async () => {
  const send = gate([windowed('one', { month: 2, day: 1 })]);
  await send();
  const refused = await send();
  expect(refused.header('x-ratelimit-limit-type')).toBe('one');
  expect(Number(refused.header('retry-after'))).toBeLessThanOrEqual(86_400);
});

test('a shadow refuses nothing and is not told', async () => {
  const send = gate([limit({ shadow: true })], { headers: 'standard' });
  await send();
  const second = await send();
  expect([second.status, second.header('ratelimit')]).toEqual([200, null]);
});

test('standard headers stand on every answer', async () => {
  const limits = [limit({ name: 'b', ...bucket(2) }), windowed('w', { day: 9 })];
  const send = gate(limits, { headers: 'standard' });
  const answer = await send();
  expect(answer.header('ratelimit-policy')).toBe('"b";q=2;w=172800, "w";q=9;w=86400');
  expect(answer.header('ratelimit')).toMatch(/^"b";r=1;t=86400, "w";r=8;t=\d{1,5}$/);
  await send();
  expect((await send()).header('ratelimit')).toMatch(/^"b";r=0;t=172800, "w";r=7;/);
});

test.each([
  ['neither', { headers: 'none' }, 'exactly one of ref or limits'],
  ['both', { ref: 'a', limits: [limit()] }, 'exactly one of ref or limits'],
  ['no store', { scope: 'cluster', limits: [limit()] }, 'needs a store'],
  [
    'a store for nothing',
    { store: { redis: { ref: 'a' } }, limits: [limit()] },
    'only used with scope: cluster',
  ],
  [
    'a store beside ref',
    { ref: 'a', scope: 'cluster', store: { redis: { ref: 'a' } } },
    'stand in the RateLimitPolicy',
  ],
  ['too dear', { limits: [limit({ cost: 2 })] }, 'cost 2 is more than the limit of 1'],
  ['no rate', { limits: [limit(bucket(1, '0/s'))] }, 'must be more than 0'],
  ['two of a name', { limits: [limit(), limit()] }, 'name'],
])('refuses %s', (_, config, message) => {
  expect(() => bindPolicies([rateLimit, config])).toThrow(message);
});
