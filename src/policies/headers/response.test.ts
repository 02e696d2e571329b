// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { expect, test } from 'vitest';
import { ipAccess } from '../ip-access.ts';
import { bindPolicies, exchange } from '../testing.ts';
import { responseHeaders } from './response.ts';

test("edits the backend's answer", async () => {
  const config = {
    rename: [{ from: 'x-internal-id', to: 'x-id' }],
    remove: ['Server', 'X-Debug'],
    set: [{ name: 'Cache-Control', value: 'no-store' }],
    add: [{ name: 'Link', value: '</${header.x-tenant}>; rel=self' }],
  };
  const lines = ['Server: secret', 'X-Debug: 1', 'X-Internal-Id: 7', 'Cache-Control: public', 'Link: </a>'];
  const outcome = await exchange(
    bindPolicies([responseHeaders, config]),
    { lines: ['X-Tenant: acme'] },
    { lines },
  );
  expect(outcome.lines).toEqual([
    'link: </a>',
    'x-id: 7',
    'cache-control: no-store',
    'link: </acme>; rel=self',
  ]);
});

test("edits the gateway's own answers, of policies that stand before it, too", async () => {
  const rule = bindPolicies(
    [ipAccess, { deny: ['192.0.2.1'] }],
    [responseHeaders, { set: [{ name: 'x-seen', value: '${requestId}' }] }],
  );
  const outcome = await exchange(rule);
  expect([outcome.status, outcome.header('x-seen')]).toEqual([403, 'id-1']);
});

test('leaves the request alone', async () => {
  const rule = bindPolicies([responseHeaders, { set: [{ name: 'x-a', value: '1' }] }]);
  expect((await exchange(rule)).forwarded).toEqual(['host: shop.test']);
});

test.each([
  ['Content-Length', 'only the gateway writes it'],
  ['Transfer_Encoding', 'only the gateway writes it'],
  ['Connection', 'only the gateway writes it'],
  ['Trailer', 'only the gateway writes it'],
])('%s is refused in every list', (name, message) => {
  for (const config of [
    { set: [{ name, value: 'a' }] },
    { add: [{ name, value: 'a' }] },
    { remove: [name] },
    { rename: [{ from: name, to: 'x-a' }] },
    { rename: [{ from: 'x-a', to: name }] },
  ]) {
    expect(() => bindPolicies([responseHeaders, config])).toThrow(message);
  }
});

test.each([
  ['Server', 'serverHeader'],
  ['Via', 'set via'],
  ['Date', 'the gateway writes it'],
  ['X-Gateway-Response-Time', 'responseTimeHeader'],
])("%s is the gateway's own to write; to remove it is no mistake", (name, message) => {
  expect(() => bindPolicies([responseHeaders, { set: [{ name, value: 'a' }] }])).toThrow(message);
  expect(() => bindPolicies([responseHeaders, { rename: [{ from: 'x-a', to: name }] }])).toThrow(message);
  expect(() => bindPolicies([responseHeaders, { remove: [name] }])).not.toThrow();
});
