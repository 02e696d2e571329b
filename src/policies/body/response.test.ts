import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ipAccess } from '../ip-access.ts';
import { bindPolicies, exchange, type TestAnswer, type TestRequest } from '../testing.ts';
import { responseBody } from './response.ts';

const JSON_TYPE = 'Content-Type: application/json';
const answered = (config: object, answer: TestAnswer, request: TestRequest = {}) =>
  exchange(bindPolicies([responseBody, config]), request, {
    ...answer,
    lines: [JSON_TYPE, ...(answer.lines ?? [])],
  });

test.each([
  [{ unwrap: 'data' }, '{"data":[1,2],"page":1}', '[1,2]'],
  [{ wrap: 'data' }, '[1,2]', '{"data":[1,2]}'],
  [{ template: '{"d":$'.concat('{body.data}}') }, '{"data":7}', '{"d":7}'],
  [
    { jsonata: 'data.{"n": name}', timeout: '1m' },
    '{"data":[{"name":"a"},{"name":"b"}]}',
    '[{"n":"a"},{"n":"b"}]',
  ],
])('%j', async (config, body, expected) => {
  const outcome = await answered(config, { body, lines: ['ETag: "v1"', 'Content-MD5: x', 'X-Kept: 1'] });
  expect(outcome.answerBody.toString()).toBe(expected);
  expect(outcome.header('etag')).toBe('W/"v1"');
  expect([outcome.header('content-md5'), outcome.header('x-kept')]).toEqual([null, '1']);
});

test('the backend is asked for the whole, not compressed', async () => {
  const outcome = await answered(
    { unwrap: 'data' },
    { body: '{}' },
    { lines: ['Range: bytes=0-9', 'If-Range: "a"', 'Accept-Encoding: gzip'] },
  );
  expect(outcome.forwarded).toEqual(['host: shop.test', 'accept-encoding: identity']);
});

test.each([
  ['another status', { status: 404, body: '{"data":1}' }, {}, '{"data":1}'],
  ['a status of the list', { status: 404, body: '{"data":1}' }, { statuses: ['404'] }, '1'],
  ['a class of the list', { status: 404, body: '{"data":1}' }, { statuses: ['2xx', '4xx'] }, '1'],
  [
    'a status that is no longer of the list',
    { status: 200, body: '{"data":1}' },
    { statuses: ['404'] },
    '{"data":1}',
  ],
  ['nothing', { status: 200, body: '' }, {}, ''],
  ['204', { status: 204 }, {}, ''],
] as const)('%s', async (_, answer, config, expected) => {
  const outcome = await answered({ unwrap: 'data', ...config }, answer);
  expect([outcome.status, outcome.answerBody.toString()]).toEqual([answer.status, expected]);
});

test.each([
  ['no JSON', { body: 'internal: secret' }],
  ['cut JSON', { body: '{"data":' }],
  ['too large', { body: `{"data":"${'x'.repeat(2000)}"}` }],
  ['compressed', { body: gzipSync('{"data":1}'), lines: ['Content-Encoding: gzip'] }],
  [
    'compressed a thousand times, it says',
    { body: 'x', lines: [`Content-Encoding: ${Array(1000).fill('gzip').join(', ')}`] },
  ],
])('502 and nothing of the answer when it is %s', async (_, answer) => {
  const outcome = await answered({ unwrap: 'data', maxBytes: 1000 }, answer);
  expect([outcome.status, outcome.header('content-type')]).toEqual([502, 'application/problem+json']);
  expect(outcome.answerBody.toString()).not.toMatch(/secret|xxx/);
});

test('502 when the expression runs for ever', async () => {
  const jsonata = '($f := function($x) { $f($x) }; $f(1))';
  expect((await answered({ jsonata, timeout: '200ms' }, { body: '{}' })).status).toBe(502);
});

test("the gateway's own answers stay", async () => {
  const rule = bindPolicies(
    [responseBody, { wrap: 'data', statuses: ['4xx'] }],
    [ipAccess, { deny: ['192.0.2.1'] }],
  );
  const outcome = await exchange(rule);
  expect(JSON.parse(outcome.answerBody.toString())).toMatchObject({ status: 403 });
});

test('HEAD says no length that would be wrong, 304 the tag that the client has', async () => {
  const head = await answered(
    { unwrap: 'data' },
    { lines: ['Content-Length: 20', 'ETag: "a"'] },
    { method: 'HEAD' },
  );
  expect(head.header('etag')).toBe('W/"a"');
  const held = { lines: ['If-None-Match: W/"a"'] };
  expect(
    (await answered({ unwrap: 'data' }, { status: 304, lines: ['ETag: "a"'] }, held)).header('etag'),
  ).toBe('W/"a"');
});
