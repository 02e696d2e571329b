import type { IncomingMessage } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { CompiledRule } from '../../compile/table.ts';
import { fields } from '../../lib/schema.ts';
import { endless, type Handler, hanging, json, TestProvider } from '../../outbound/testing.ts';
import { toldSlot } from '../../pipeline/identity.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { bindPolicies, exchange, type TestRequest } from '../testing.ts';
import { externalAuthorization } from './index.ts';

let service: TestProvider;
let rule: CompiledRule<string>;
/** What the service was last asked. */
let question: { method: string; headers: IncomingMessage['headers']; body: string };

function answering(status: number, headers: Record<string, string | string[]> = {}, body = ''): Handler {
  return (request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      question = { method: request.method!, headers: request.headers, body: text };
      response.writeHead(status, headers).end(body);
    })();
  };
}

// Loading it takes longer than these tests let a call take.
beforeAll(() => import('undici'));
beforeEach(async () => {
  service = await TestProvider.start(answering(200));
});
afterEach(() => service.stop());

function bind(more: object = {}): void {
  rule = bindPolicies([externalAuthorization, { url: `${service.url}/decide`, timeout: '1s', ...more }]);
}
const send = (sent: TestRequest = {}) => exchange(rule, sent);

test('it is told what the request is, and of its headers those that are named', async () => {
  bind({ requestHeaders: ['X-Tenant', 'Cookie'] });
  const lines = ['X-Tenant: acme', 'Cookie: a=b', 'X-Other: 1', 'X-Forwarded-Method: DELETE'];
  expect((await send({ method: 'PUT', target: '/a?b=c', lines })).status).toBe(200);
  const { host, 'user-agent': agent, ...headers } = question.headers;
  expect([question.method, question.body, agent]).toEqual(['GET', '', 'portreeve']);
  expect(headers).toEqual({
    ...{ 'x-tenant': 'acme', cookie: 'a=b', connection: 'keep-alive', 'accept-encoding': 'identity' },
    ...{ 'x-forwarded-method': 'PUT', 'x-forwarded-uri': '/a?b=c', 'x-forwarded-host': 'shop.test' },
    ...{ 'x-forwarded-proto': 'http', 'x-forwarded-for': '192.0.2.1', 'x-request-id': 'id-1' },
  });
  expect(host).toBe(new URL(service.url).host);
});

test('what it says goes to the backend; what clients say of that does not', async () => {
  bind({ upstreamHeaders: ['X-User', 'X-Role'] });
  service.handler = answering(204, { 'x-user': 'ann', 'x-other': '1' });
  const answer = await send({ lines: ['X-User: admin', 'X_Role: admin', 'A: b'] });
  expect(answer.forwarded).toEqual(['host: shop.test', 'a: b', 'x-user: ann']);
});

test('a refusal goes to the client, with its page and the headers that are named', async () => {
  bind();
  const headers = {
    ...{ location: 'https://login.example', 'content-type': 'text/plain', 'x-secret': '1' },
    'set-cookie': ['a=1', 'b=2'],
  };
  for (const status of [302, 401, 403, 404, 429]) {
    service.handler = answering(status, headers, 'no');
    const answer = await send();
    expect([answer.status, answer.body, answer.forwarded]).toEqual([status, 'no', null]);
    expect(answer.header('location')).toBe('https://login.example');
    expect(answer.lines.filter((line) => line.startsWith('set-cookie'))).toEqual([
      'set-cookie: a=1',
      'set-cookie: b=2',
    ]);
    expect(answer.header('x-secret')).toBeNull();
  }
});

describe('the body', () => {
  it('is told up to a size, and reaches the backend as it was', async () => {
    bind({ bodyBytes: 10 });
    const answer = await send({ method: 'POST', body: 'hello' });
    expect([answer.status, question.method, question.body]).toEqual([200, 'POST', 'hello']);
    expect((await send({ method: 'POST', body: 'hello world' })).status).toBe(413);
  });
  it('is not read otherwise', async () => {
    bind();
    expect((await send({ method: 'POST', body: 'hello' })).status).toBe(200);
    expect([question.method, question.body]).toEqual(['GET', '']);
  });
});

describe.each<[string, Handler]>([
  ['hangs', hanging],
  ['answers 500', json({}, {}, 500)],
  ['closes', (_, response) => response.destroy()],
  ['sends without end', endless],
])('a service that %s', (_, handler) => {
  it('closes the way by default', async () => {
    bind();
    service.handler = handler;
    expect([(await send()).status, (await send()).forwarded]).toEqual([503, null]);
  });
  it('opens it with failOpen, but not for headers that only it may set', async () => {
    bind({ onError: 'failOpen', upstreamHeaders: ['X-User'] });
    service.handler = handler;
    const answer = await send({ lines: ['X-User: admin'] });
    expect([answer.status, answer.forwarded]).toEqual([200, ['host: shop.test']]);
  });
});

test('a client that leaves ends the question', async () => {
  bind({ timeout: '60s' });
  service.handler = hanging;
  const controller = new AbortController();
  const answer = send({ signal: controller.signal });
  controller.abort();
  await answer;
});

test.each([
  ['a header of the connection', { upstreamHeaders: ['Transfer-Encoding'] }, /belongs to the connection/],
  ['Host', { requestHeaders: ['Host'] }, /one connection/],
  ['another scheme', { url: 'ftp://a.example' }, /http/],
])('refuses %s', (_, config, message) => {
  expect(() => bind(config)).toThrow(message);
});

test('what it says of the client is noted, so that answers are kept apart by it', async () => {
  let noted: string | undefined;
  const note = definePolicy({
    name: 'note',
    phase: 'upstream',
    summary: 'For tests.',
    schema: fields({}, 'For tests.'),
    bind: () => ({
      onRequest(x) {
        noted = x.get(toldSlot);
      },
    }),
  });
  const config = { url: `${service.url}/decide`, timeout: '1s', upstreamHeaders: ['X-User', 'X-Role'] };
  rule = bindPolicies([externalAuthorization, config], [note, {}]);
  service.handler = answering(200, { 'x-user': 'ann', 'x-role': ['a', 'b'] });
  await send({ lines: ['X-User: admin'] });
  expect(noted).toBe('x-user:ann\nx-role:a\nx-role:b\n');
});
