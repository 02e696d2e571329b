import { hash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { CompiledRule } from '../../compile/table.ts';
import { hanging, json, TestProvider } from '../../outbound/testing.ts';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { apiKey } from '../api-key.ts';
import { authenticate } from '../authenticate.ts';
import { bindPoliciesWith, exchange, testConsumer, testStep } from '../testing.ts';
import { jwt } from './index.ts';
import { SECRET, tokenOf } from './testing.ts';

let provider: TestProvider;
let rule: CompiledRule<string>;
let seen: Identity | undefined;

// Loading it takes longer than these tests let a call take.
beforeAll(() => import('undici'));
beforeEach(async () => {
  provider = await TestProvider.start(json({ roles: ['editor'], permissions: ['write'], groups: ['g'] }));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const { policy } of rule.steps) policy.close?.();
  await provider.stop();
});

const who = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

function bind(user: object = {}): void {
  const config = {
    keys: [{ secretRef: { name: 'jwt' } }],
    user: { url: `${provider.url}/users/{sub}?v=1`, timeout: '1s', ...user },
  };
  rule = bindPoliciesWith(
    { secrets: { 'jwt/secret': SECRET, 'api/token': 'hush' } },
    [jwt, config],
    [who, {}],
  );
}
const rolesSeen = (): string => seen?.roles.join() ?? '';

async function ask(sub: unknown = 'ann'): Promise<string> {
  seen = undefined;
  const exp = Math.floor(Date.now() / 1000) + 100_000;
  const token = tokenOf({ claims: { sub, exp, roles: ['own'] } });
  const { status, body } = await exchange(rule, { lines: [`Authorization: Bearer ${token}`] });
  return status === 200 ? rolesSeen() : `${status} ${JSON.parse(body ?? '{}').detail}`;
}
const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });

test('roles, permissions and groups are added to those of the token, once in five minutes', async () => {
  bind();
  for (let i = 0; i < 3; i++) expect(await ask()).toBe('own,editor');
  expect([seen?.permissions, seen?.groups]).toEqual([['write'], ['g']]);
  expect(provider.asked).toEqual(['/users/ann?v=1']);
  provider.handler = json({ roles: ['other'] });
  later(299_000);
  expect(await ask()).toBe('own,editor');
  later(2_000);
  expect(await ask()).toBe('own,other');
});

test('a thousand requests of one user ask once, and another user apart', async () => {
  bind();
  await Promise.all([...Array.from({ length: 1000 }, () => ask()), ask('bob')]);
  expect(provider.asked.toSorted()).toEqual(['/users/ann?v=1', '/users/bob?v=1']);
});

test('one who is not there has no good token; asked for again after a while', async () => {
  bind();
  provider.handler = json({}, {}, 404);
  expect(await ask()).toBe('401 Invalid token');
  expect(await ask()).toBe('401 Invalid token');
  expect(provider.asked).toHaveLength(1);
  provider.handler = json({ roles: ['new'] });
  later(31_000);
  expect(await ask()).toBe('own,new');
});

test('names go into the URL as one segment, whatever they are', async () => {
  bind();
  expect(await ask('a/../b?c#d é')).toBe('own,editor');
  expect(provider.asked).toEqual(['/users/a%2F..%2Fb%3Fc%23d%20%C3%A9?v=1']);
  for (const sub of ['..', '.', '\ud800', '', null]) {
    expect(await ask(sub)).toBe('401 Invalid token');
  }
  expect(provider.asked).toHaveLength(1);
});

test('a bearer token of its own, from a Secret', async () => {
  bind({ secretRef: { name: 'api' } });
  provider.handler = (request, response) =>
    json({ roles: [request.headers.authorization] })(request, response);
  expect(await ask()).toBe('own,Bearer hush');
});

describe('a service that fails', () => {
  const failures = [
    ['hangs', hanging],
    ['answers 500', json({}, {}, 500)],
    ['redirects', json({}, { location: '/' }, 302)],
    ['sends no object', json(['roles'])],
    ['sends 300 KB', json({ roles: ['x'.repeat(300_000)] })],
  ] as const;
  it.each(failures)('%s: 503 by default', async (_, handler) => {
    bind();
    provider.handler = handler;
    expect(await ask()).toBe('503 Tokens cannot be checked at the moment.');
  });
  it.each(failures)('%s: the token alone with ignore', async (_, handler) => {
    bind({ onError: 'ignore' });
    provider.handler = handler;
    expect(await ask()).toBe('own');
  });
  it('with stale: the last answer, of an hour at most', async () => {
    bind({ onError: 'stale', cache: '1s' });
    expect(await ask()).toBe('own,editor');
    provider.handler = json({}, {}, 500);
    later(60_000);
    for (let i = 0; i < 5; i++) expect(await ask()).toBe('own,editor');
    expect(await ask('bob')).toMatch(/^503/);
    later(3_600_000);
    expect(await ask()).toMatch(/^503/);
  });
});

test.each([
  ['http://a.example/users', /\{sub\}/],
  ['http://{sub}@a.example/', /\{sub\}/],
  ['file:///{sub}', /\{sub\}/],
])('the URL %s is refused', (url, message) => {
  bind();
  expect(() =>
    bindPoliciesWith({}, [jwt, { keys: [{ jwksUrl: 'http://a.example' }], user: { url } }]),
  ).toThrow(message);
});

test('claims of a token whose user is gone do not reach the backend with another one who is let in', async () => {
  provider.handler = json({}, {}, 404);
  const config = {
    anyOf: [
      {
        jwt: {
          keys: [{ secretRef: { name: 'jwt' } }],
          user: { url: `${provider.url}/users/{sub}` },
          forward: false,
          claimsToHeaders: [{ claim: 'tenant', header: 'X-Tenant' }],
        },
      },
      { apiKey: {} },
    ],
  };
  const consumers = new ConsumerDirectory(() => undefined);
  consumers.apply([testConsumer('acme', { apiKeys: [hash('sha256', 'k', 'base64url')] })], []);
  rule = bindPoliciesWith(
    { secrets: { 'jwt/secret': SECRET }, consumers },
    [authenticate([jwt, apiKey]), config],
    [who, {}],
  );
  const token = tokenOf({
    claims: { sub: 'gone', tenant: 'other', exp: Math.floor(Date.now() / 1000) + 100 },
  });
  const lines = [`Authorization: Bearer ${token}`, 'X-API-Key: k'];
  const { status, forwarded } = await exchange(rule, { lines });
  expect([status, seen?.consumer, forwarded]).toEqual([200, 'acme', ['host: shop.test']]);
});
