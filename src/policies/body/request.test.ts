// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../pipeline/exchange.ts';
import { bindPolicies, exchange } from '../testing.ts';
import { compileMapping } from './mapping.ts';
import { requestBody } from './request.ts';

const x = { requestId: 'id-1', request: { method: 'GET', host: 'a', path: '/' } } as Exchange;

const JSON_TYPE = 'Content-Type: application/json; charset=utf-8';

const posted = (config: object, body: string | Uint8Array, lines: string[] = []) =>
  exchange(bindPolicies([requestBody, config]), {
    method: 'POST',
    lines: [JSON_TYPE, ...lines],
    body,
    target: '/in?a=1',
  });

const mapped = async (config: object, body: string | Uint8Array, lines: string[] = []): Promise<string> => {
  const outcome = await posted(config, body, lines);
  expect(outcome.status).toBe(200);
  return outcome.forwardedBody.toString();
};

describe('wrap and unwrap', () => {
  test.each([
    ['data', '{"a":1}', '{"data":{"a":1}}'],
    ['data', ' [1, 2] ', '{"data": [1, 2] }'],
    ['a"b\\', 'null', '{"a\\"b\\\\":null}'],
    ['__proto__', '{"__proto__":{"admin":true}}', '{"__proto__":{"__proto__":{"admin":true}}}'],
    ['id', '12345678901234567890.10', '{"id":12345678901234567890.10}'],
  ])('wrap %s: %s becomes %s', async (wrap, body, expected) => {
    expect(await mapped({ wrap }, body)).toBe(expected);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  test.each([
    ['data', '{"data":{"a":1},"x":2}', '{"a":1}'],
    ['data', '{"data":12345678901234567890}', '12345678901234567890'],
    ['data', '{"data":null}', 'null'],
    ['data', '{"x":{"data":1}}', '{"x":{"data":1}}'],
    ['data', '[{"data":1}]', '[{"data":1}]'],
    ['__proto__', '{"__proto__":{"a":1}}', '{"a":1}'],
    ['__proto__', '{"a":1}', '{"a":1}'],
    ['constructor', '{"a":1}', '{"a":1}'],
  ])('unwrap %s: %s becomes %s', async (unwrap, body, expected) => {
    expect(await mapped({ unwrap }, body)).toBe(expected);
  });

  test('undo one another', async () => {
    const name = fc.constantFrom('data', '__proto__', 'a"', 'ü', 'toString');
    await fc.assert(
      fc.asyncProperty(name, fc.json(), async (field, body) => {
        expect(await mapped({ unwrap: field }, await mapped({ wrap: field }, body))).toBe(body);
      }),
      { numRuns: 50 },
    );
  });

  test('of JSON that is very deep', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(await mapped({ wrap: 'd' }, deep)).toBe(`{"d":${deep}}`);
    expect(await mapped({ unwrap: 'd' }, `{"d":${deep}}`)).toBe(deep);
  });
});

describe('template', () => {
  test.each([
    [
      '{"user":${body.user.name},"via":${header.x-via}}',
      '{"user":{"name":"a \\"b\\""}}',
      '{"user":"a \\"b\\"","via":"x\\"y"}',
    ],
    [
      '[${body}, ${method}, ${path}, ${host}, ${requestId}, ${clientAddress}]',
      '7',
      '[7, "POST", "/in", "shop.test", "id-1", "192.0.2.1"]',
    ],
    ['{"none":${body.nope.more},"no":${header.x-nope}}', '{}', '{"none":null,"no":""}'],
    ['{"big":${body.n}}', '{"n":1e400}', '{"big":1e400}'],
    ['{"proto":${body.__proto__}}', '{}', '{"proto":null}'],
  ])('%s', async (template, body, expected) => {
    expect(await mapped({ template }, body, ['X-Via: x"y'])).toBe(expected);
  });

  test('nothing that a client sends breaks out of its place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.stringMatching(/^[\x20-\x7e]{0,20}$/), async (value, header) => {
        const body = JSON.stringify({ value });
        const text = await mapped({ template: '{"v":${body.value},"h":${header.x-a}}' }, body, [
          `X-A: ${header}`,
        ]);
        expect(JSON.parse(text)).toEqual({ v: JSON.parse(JSON.stringify(value)), h: header.trim() });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['{"a":"${body.a}"}', 'does not become JSON'],
    ['{${header.x}:1}', 'does not become JSON'],
    ['{"a":${nope}}', 'there is no variable'],
    ['{"a":${body..b}}', 'there is no variable'],
    ['{"a":', 'does not become JSON'],
  ])('%s is refused', (template, message) => {
    expect(() => bindPolicies([requestBody, { template }])).toThrow(message);
  });
});

describe('jsonata', () => {
  test.each([
    [
      '{"total": $sum(items.(price * count)), "via": $method & $path}',
      '{"items":[{"price":2,"count":3},{"price":1,"count":1}]}',
      '{"total":7,"via":"POST/in"}',
    ],
    ['nope', '{}', 'null'],
    ['$uppercase(name)', '{"name":"ü"}', '"Ü"'],
    ['$.__proto__', '{"__proto__":{"a":1}}', '{"a":1}'],
  ])('%s', async (jsonata, body, expected) => {
    expect(await mapped({ jsonata, timeout: '1m' }, body)).toBe(expected);
  });

  test.each([
    ['it throws', '$error("secret of " & name)', /^D3137 at character \d+$/],
    ['it does not fit the data', '$sum(name)', /^T0412 at character \d+$/],
    ['it evaluates data', '$eval(name)', /^it threw$/],
    ['it runs for ever', '($f := function($x) { $f($x) }; $f(1))', /^it took longer than 300 ms$/],
    ['it never ends', '($f := function($n) { 1 + $f($n + 1) }; $f(1))', /^(it took|too deep|its thread)/],
    [
      'it takes all memory',
      '($f := function($l) { $f($append($l, $l)) }; $f([1..1000]))',
      /^(it took|too deep|its thread)/,
    ],
  ])('answers 500 when %s, quotes no data, and the next request is served', async (_, jsonata, reason) => {
    const rule = bindPolicies([requestBody, { jsonata, timeout: '300ms' }]);
    const outcome = await exchange(rule, { method: 'POST', lines: [JSON_TYPE], body: '{"name":"private"}' });
    expect([outcome.status, outcome.forwarded]).toEqual([500, null]);
    expect(outcome.answerBody.toString()).not.toContain('private');
    const mapping = compileMapping({ jsonata, timeout: '300ms', maxBytes: 1000, types: [] });
    const result = await mapping.map(Buffer.from('{"name":"private"}'), x);
    mapping.close();
    expect(result).toEqual({ kind: 'failed', reason: expect.stringMatching(reason) });
    expect(await mapped({ jsonata: 'name', timeout: '1m' }, '{"name":"next"}')).toBe('"next"');
  });

  test('many at once each get their own', async () => {
    const rule = bindPolicies([requestBody, { jsonata: '{"id": id * 2}', timeout: '1m' }]);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, id) =>
        exchange(rule, { method: 'POST', lines: [JSON_TYPE], body: JSON.stringify({ id }) }),
      ),
    );
    expect(outcomes.map(({ forwardedBody }) => forwardedBody.toString())).toEqual(
      Array.from({ length: 100 }, (_, id) => JSON.stringify({ id: id * 2 })),
    );
  });

  test.each([['{"a":'], ['$f('], ['a[']])('%s is refused', (jsonata) => {
    expect(() => bindPolicies([requestBody, { jsonata }])).toThrow('at character');
  });
});

test('digests of the old body go', async () => {
  const outcome = await posted({ wrap: 'a' }, '1', ['Content-Digest: sha-256=:x:', 'Content-MD5: x']);
  expect(outcome.forwarded!.join()).not.toMatch(/digest|md5/);
});

test.each([
  ['another type', 'Content-Type: text/plain', '1', 200],
  ['no body', JSON_TYPE, '', 200],
  ['what is no JSON', JSON_TYPE, '{"a":', 400],
  ['what is no UTF-8', JSON_TYPE, Buffer.from([0x22, 0xff, 0x22]), 400],
  ['what is too large', JSON_TYPE, `"${'x'.repeat(2000)}"`, 413],
  ['what is compressed', `${JSON_TYPE}\r\nContent-Encoding: gzip`, 'x', 415],
] as const)('%s', async (_, type, body, status) => {
  const outcome = await exchange(bindPolicies([requestBody, { wrap: 'a', maxBytes: 1000 }]), {
    method: 'POST',
    lines: type.split('\r\n'),
    body,
  });
  expect(outcome.status).toBe(status);
  if (status === 200) expect(outcome.forwardedBody.toString()).toBe(body);
  else expect(outcome.forwarded).toBeNull();
});

test.each([
  [{}, 'wrap'],
  [{ wrap: 'a', unwrap: 'b' }, 'wrap'],
  [{ wrap: '' }, 'must not be empty'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([requestBody, config])).toThrow(message);
});
