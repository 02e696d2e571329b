// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { describe, expect, test } from 'vitest';
import { bindPolicies, exchange } from '../testing.ts';
import { requestHeaders } from './request.ts';

async function forwarded(
  config: object,
  lines: string[] = [],
  more: object = {},
): Promise<readonly string[]> {
  const outcome = await exchange(bindPolicies([requestHeaders, config]), { lines, ...more });
  return outcome.forwarded!.filter((line) => !line.startsWith('host:'));
}

test('renames, removes, sets and adds, in this order', async () => {
  const config = {
    add: [{ name: 'X-A', value: 'added' }],
    set: [{ name: 'x-a', value: 'set' }],
    remove: ['X-Gone', 'x-new'],
    rename: [{ from: 'X-Old', to: 'X-New' }],
  };
  expect(await forwarded(config, ['X-Gone: 1', 'X-Old: 2', 'X-A: 3', 'X-Kept: 4'])).toEqual([
    'x-kept: 4',
    'x-a: set',
    'x-a: added',
  ]);
});

test('a renamed header keeps its lines and takes the place of one that has the name', async () => {
  const config = { rename: [{ from: 'x-old', to: 'x-new' }] };
  expect(await forwarded(config, ['X-New: mine', 'X-Old: 1', 'X-Old: 2'])).toEqual(['x-new: 1', 'x-new: 2']);
  expect(await forwarded(config, ['X-New: mine'])).toEqual(['x-new: mine']);
});

test('set takes the place of every line, and of the spelling that applications take for the same', async () => {
  const config = { set: [{ name: 'x-user', value: 'gateway' }] };
  expect(await forwarded(config, ['X-User: a', 'x-user: b', 'X_User: c'])).toEqual(['x-user: gateway']);
});

describe('values', () => {
  const render = async (value: string, lines: string[] = []) =>
    (await forwarded({ set: [{ name: 'x-v', value }] }, lines, { target: '/a/b?q=1', client: '2001:db8::1' }))
      .filter((line) => line.startsWith('x-v:'))
      .map((line) => line.slice(5));

  test.each([
    ['plain', 'plain'],
    ['${requestId}', 'id-1'],
    ['<${clientAddress}>', '<2001:db8::1>'],
    ['${method} ${scheme}://${host}${path}', 'GET http://shop.test/a/b'],
    ['${header.X-Tenant}-${header.x-tenant}', 'acme-acme'],
    ['cost: $5, $${x}', 'cost: $5, ${x}'],
  ])('%s → %s', async (value, expected) => {
    expect(await render(value, ['X-Tenant: acme'])).toEqual([expected]);
  });

  test('one that comes out empty is not written, and a client can not write it either', async () => {
    expect(await render('${header.x-tenant}', ['X-V: forged'])).toEqual([]);
    expect(await forwarded({ add: [{ name: 'x-v', value: '${header.x-tenant}' }] })).toEqual([]);
  });
});

test.each([
  ['Host', 'rewrite.host'],
  ['HOST', 'rewrite.host'],
  ['Connection', 'only the gateway writes it'],
  ['Transfer-Encoding', 'only the gateway writes it'],
  ['transfer_encoding', 'only the gateway writes it'],
  ['Content-Length', 'only the gateway writes it'],
  ['content_length', 'only the gateway writes it'],
  ['Upgrade', 'only the gateway writes it'],
  ['TE', 'only the gateway writes it'],
  ['Trailer', 'only the gateway writes it'],
  ['Keep-Alive', 'only the gateway writes it'],
  ['Proxy-Connection', 'only the gateway writes it'],
  ['Expect', 'only the gateway writes it'],
  ['X-Forwarded-For', 'trustedProxies'],
  ['x_forwarded_for', 'trustedProxies'],
  ['Forwarded', 'trustedProxies'],
  ['X-Request-ID', 'trustedProxies'],
])('%s is refused in every list', (name, message) => {
  for (const config of [
    { set: [{ name, value: 'a' }] },
    { add: [{ name, value: 'a' }] },
    { remove: [name] },
    { rename: [{ from: name, to: 'x-a' }] },
    { rename: [{ from: 'x-a', to: name }] },
  ]) {
    expect(() => bindPolicies([requestHeaders, config])).toThrow(message);
  }
});

test.each([
  [{ set: [{ name: 'x a', value: 'b' }] }, 'without spaces'],
  [{ set: [{ name: 'x-a', value: 'a\r\nX-Evil: 1' }] }, 'no line breaks'],
  [{ set: [{ name: 'x-a', value: 'a\u0000' }] }, 'no line breaks'],
  [{ set: [{ name: 'x-a', value: '\u20ac' }] }, 'nothing beyond Latin-1'],
  [{ set: [{ name: 'x-a', value: '${nope}' }] }, 'there is no variable ${nope}; known are requestId,'],
  [{ set: [{ name: 'x-a', value: '${header.}' }] }, 'there is no variable ${header.}'],
  [{ set: [{ name: 'x-a', value: '${header.transfer-encoding}' }] }, 'there is no variable'],
  [{ set: [{ name: 'x-a', value: '${requestId' }] }, 'has no end'],
  [
    {
      set: [
        { name: 'x-a', value: 'a' },
        { name: 'x-a', value: 'b' },
      ],
    },
    'has the same name as entry 0',
  ],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([requestHeaders, config])).toThrow(message);
});
