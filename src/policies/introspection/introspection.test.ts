import type { IncomingMessage } from 'node:http';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { CompiledRule } from '../../compile/table.ts';
import { endless, type Handler, hanging, json, TestProvider } from '../../outbound/testing.ts';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { bindPoliciesWith, exchange, type TestRequest, testStep } from '../testing.ts';
import { introspection } from './index.ts';

let provider: TestProvider;
let rule: CompiledRule<string>;
let seen: Identity | undefined;
/** What the authorization server was sent. */
let sent: { authorization: string | undefined; body: string }[] = [];

const who = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

function answering(answer: object | (() => object)): Handler {
  return (request, response) => {
    void bodyOf(request).then((body) => {
      sent.push({ authorization: request.headers.authorization, body });
      json(typeof answer === 'function' ? answer() : answer)(request, response);
    });
  };
}
async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

// Loading it takes longer than these tests let a call take.
beforeAll(() => import('undici'));
beforeEach(async () => {
  sent = [];
  provider = await TestProvider.start(answering({ active: true, sub: 'ann', scope: 'a b', roles: ['r'] }));
  bind();
});
afterEach(async () => {
  vi.useRealTimers();
  close();
  await provider.stop();
});
function close(): void {
  for (const { policy } of rule.steps) policy.close?.();
}
function bind(more: object = {}): void {
  const client = { id: 'gate way', secretRef: { name: 'client' } };
  const config = { url: `${provider.url}/introspect`, client, timeout: '1s', ...more };
  rule = bindPoliciesWith({ secrets: { 'client/secret': 'p:w+d' } }, [introspection, config], [who, {}]);
}
function rebind(more: object): void {
  close();
  bind(more);
}
async function ask(token = 'opaque', request: TestRequest = {}): Promise<string> {
  seen = undefined;
  const answer = await exchange(rule, { lines: [`Authorization: Bearer ${token}`], ...request });
  return answer.status === 200 ? 'passed' : `${answer.status} ${JSON.parse(answer.body ?? '{}').detail}`;
}
const nowS = () => Math.floor(Date.now() / 1000);
const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });

test('an active token passes; the server is asked as RFC 7662 says, once a minute', async () => {
  await Promise.all(Array.from({ length: 100 }, () => ask('a+b/c=')));
  expect(await ask('a+b/c=')).toBe('passed');
  const authorization = `Basic ${Buffer.from('gate+way:p%3Aw%2Bd').toString('base64')}`;
  expect(sent).toEqual([{ authorization, body: 'token=a%2Bb%2Fc%3D&token_type_hint=access_token' }]);
  expect(seen).toMatchObject({
    ...{ user: 'ann', roles: ['r'], permissions: ['a', 'b'], schemes: ['introspection'] },
    claims: { sub: 'ann' },
  });
  provider.handler = answering({ active: false });
  later(59_000);
  expect(await ask('a+b/c=')).toBe('passed');
  later(2_000);
  expect(await ask('a+b/c=')).toBe('401 Invalid token');
});

test.each([
  [{ active: false }],
  [{}],
  [{ active: 'true' }],
  [{ active: 1 }],
  [{ active: true, exp: 1 }],
  [{ active: true, exp: 'soon' }],
  [{ active: true, nbf: 9e9 }],
  [{ active: true, sub: 7 }],
])('%j is not active', async (answer) => {
  provider.handler = answering(answer);
  expect(await ask()).toBe('401 Invalid token');
});

test('audience and issuer', async () => {
  rebind({ audiences: ['api'], issuers: ['https://a'] });
  provider.handler = answering({ active: true, aud: ['api'], iss: 'https://a' });
  expect(await ask('1')).toBe('passed');
  provider.handler = answering({ active: true, aud: ['other'], iss: 'https://a' });
  expect(await ask('2')).toBe('401 Invalid token');
  provider.handler = answering({ active: true, aud: 'api' });
  expect(await ask('3')).toBe('401 Invalid token');
});

test('an answer counts no longer than the token', async () => {
  rebind({ cache: '1h' });
  provider.handler = answering(() => ({ active: true, exp: nowS() + 100 }));
  expect(await ask()).toBe('passed');
  provider.handler = answering({ active: false });
  later(101_000);
  expect(await ask()).toBe('401 Invalid token');
});

test('cache: 0s asks each time', async () => {
  rebind({ cache: '0s' });
  for (let i = 0; i < 3; i++) expect(await ask()).toBe('passed');
  expect(sent).toHaveLength(3);
});

test('without a token it is not asked', async () => {
  expect(await ask('', { lines: [] })).toBe('401 Missing authentication token');
  expect(await ask('', { lines: ['Authorization: Basic YTpi'] })).toBe('401 Missing authentication token');
  expect(await ask('x'.repeat(17_000))).toBe('401 Invalid token');
  expect(sent).toEqual([]);
});

test.each<[string, Handler]>([
  ['hangs', hanging],
  ['answers 500', json({}, {}, 500)],
  ['does not know the gateway', json({ error: 'invalid_client' }, {}, 401)],
  ['redirects', json({}, { location: '/other' }, 302)],
  ['sends no JSON', (_, response) => response.end('<html>')],
  ['sends a list', json([{ active: true }])],
  ['sends without end', endless],
])('a server that %s lets nobody in: 503', async (_, handler) => {
  provider.handler = handler;
  expect(await ask()).toBe('503 Tokens cannot be checked at the moment.');
});

test('forward: false keeps the token from the backend', async () => {
  const lines = ['Authorization: Bearer t', 'A: b'];
  expect((await exchange(rule, { lines })).forwarded).toContain('authorization: Bearer t');
  rebind({ forward: false });
  expect((await exchange(rule, { lines })).forwarded).toEqual(['host: shop.test', 'a: b']);
});
