import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fields } from '../lib/schema.ts';
import { identitySlot } from '../pipeline/identity.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { apiKey } from './api-key.ts';
import { bindPoliciesWith, exchange, testConsumer } from './testing.ts';

const digest = (key: string) => createHash('sha256').update(key).digest('base64url');

/** Tells the backend who was believed. */
const tell = definePolicy({
  name: 'tell',
  phase: 'rewrite',
  summary: 'For tests.',
  schema: fields({}, 'For tests.'),
  bind: () => ({
    onRequest(x) {
      x.request.setHeader('told', JSON.stringify(x.get(identitySlot) ?? null));
      x.request.setHeader('sent', `${x.request.path}?${x.request.query}`);
    },
  }),
});

function world(...keys: readonly string[]) {
  const consumers = new ConsumerDirectory(() => undefined);
  const acme = testConsumer('acme', {
    apiKeys: keys.map(digest),
    groups: ['g'],
    roles: ['r'],
    permissions: ['p'],
  });
  consumers.apply([acme], []);
  return consumers;
}

function bind(config: object = {}, consumers = world('k-1', 'k-2')) {
  return bindPoliciesWith({ consumers }, [apiKey, config], [tell, {}]);
}

const told = ({ forwarded }: { forwarded: readonly string[] | null }, name = 'told: ') =>
  forwarded?.find((line) => line.startsWith(name))?.slice(name.length);

test('a key is a Consumer with its groups, roles and permissions', async () => {
  const outcome = await exchange(bind(), { lines: ['X-API-Key: k-2'] });
  expect(JSON.parse(told(outcome)!)).toEqual({
    ...{
      user: null,
      consumer: 'acme',
      consumerKey: 'Consumer/test/acme',
      apiKey: digest('k-2'),
      claims: null,
      schemes: ['apiKey'],
    },
    ...{ groups: ['g'], roles: ['r'], permissions: ['p'] },
  });
  expect(outcome.forwarded?.join()).not.toContain('k-2');
});

test.each([
  [[], 'Missing API key'],
  [['X-API-Key: wrong'], 'Invalid API key'],
  [['X-API-Key:'], 'Missing API key'],
  [['X-API-Key: k-1', 'X-API-Key: k-2'], 'More than one API key'],
  [['X-API-Key: k-1, k-1'], 'More than one API key'],
  [['X-API-Key: __proto__'], 'Invalid API key'],
  [[`X-API-Key: ${digest('k-1')}`], 'Invalid API key'],
  [['X_API_Key: k-1'], 'Missing API key'],
])('%j is refused: %s', async (lines, detail) => {
  const outcome = await exchange(bind({ realm: 'the "shop"' }), { lines });
  expect([outcome.status, outcome.forwarded, JSON.parse(outcome.body!).detail]).toEqual([401, null, detail]);
  expect(outcome.header('www-authenticate')).toBe('ApiKey realm="the \\"shop\\""');
});

const FROM = {
  from: [
    { header: 'Authorization', scheme: 'ApiKey' },
    { query: 'api key' },
    { cookie: 'key' },
    { header: 'X-Key' },
  ],
};

test.each([
  [['Authorization: apikey  k-1'], '/', '/?'],
  [['X-Key: k-1'], '/a?b=1', '/a?b=1'],
  [[], '/a?api+key=k-1&b=%20', '/a?b=%20'],
  [['X-Key: k-1'], '/a?x=1&api%20key=k-1&api+key=k-1', '/a?x=1'],
  [['Cookie: a=1; key="k-1"; b=2'], '/', '/?'],
])('%j %s: the key is found wherever it is, and is not sent on', async (lines, target, sent) => {
  const outcome = await exchange(bind(FROM), { lines, target });
  expect([outcome.status, told(outcome, 'sent: ')]).toEqual([200, sent]);
  expect(outcome.forwarded?.join('\n')).not.toContain('k-1');
});

test.each([
  [['X-Key: k-1'], '/?api+key=forged'],
  [['X-Key: forged'], '/?api+key=k-1'],
  [[], '/?api+key=k-1&api%20key=forged'],
  [['Cookie: key=k-1; key=forged'], '/'],
  [['Cookie: key=k-1', 'Cookie: key=forged'], '/'],
  [['X-Key: k-1', 'Authorization: ApiKey\tforged'], '/'],
])('%j %s: of two different keys nobody proves the second one', async (lines, target) => {
  for (const keep of [true, false]) {
    const { status, body, forwarded } = await exchange(bind({ ...FROM, keep, optional: true }), {
      lines,
      target,
    });
    expect([status, JSON.parse(body!).detail, forwarded]).toEqual([401, 'More than one API key', null]);
  }
});

test('other cookies and another scheme of Authorization are left as they are', async () => {
  const lines = ['Authorization: Bearer t', 'Cookie: a=1; key=k-1; b=2'];
  const { forwarded } = await exchange(bind(FROM), { lines });
  expect(forwarded).toEqual(expect.arrayContaining(['authorization: Bearer t', 'cookie: a=1; b=2']));
});

test('keep: true leaves the key', async () => {
  const { forwarded } = await exchange(bind({ keep: true }), { lines: ['X-API-Key: k-1'] });
  expect(forwarded).toContain('x-api-key: k-1');
});

test('a key that was good is refused as soon as it goes, and a new one passes', async () => {
  const consumers = world('old');
  const rule = bind({}, consumers);
  const status = async (key: string) => (await exchange(rule, { lines: [`X-API-Key: ${key}`] })).status;
  expect([await status('old'), await status('old'), await status('new')]).toEqual([200, 200, 401]);
  consumers.apply([testConsumer('acme', { apiKeys: [digest('new')] })], []);
  expect([await status('old'), await status('new')]).toEqual([401, 200]);
  consumers.apply([], ['Consumer/test/acme']);
  expect(await status('new')).toBe(401);
});

test.each([
  [{ from: [] }, 'must not be empty'],
  [{ from: [{ header: 'a', query: 'b' }] }, 'exactly one of'],
  [{ from: [{ query: 'a', scheme: 'Bearer' }] }, 'scheme goes with header'],
])('%j can not be', (config, message) => {
  expect(() => bind(config)).toThrow(message);
});
