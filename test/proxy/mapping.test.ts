import { expect, it } from 'vitest';
import type { BoundPolicy, PolicySpec } from '../../src/pipeline/policy.ts';
import { requestBody } from '../../src/policies/body/request.ts';
import { responseBody } from '../../src/policies/body/response.ts';
import { compress } from '../../src/policies/compress/index.ts';
import { bindPolicies } from '../../src/policies/testing.ts';
import { head } from '../e2e/support/raw-client.ts';
import { ok, playing } from '../e2e/support/upstream.ts';
import { until } from '../e2e/support/wait.ts';
import { chunked, client, plane, post, upstream } from './bodies.ts';
import { forward } from './data-plane.ts';

const bound = (spec: PolicySpec, config: object): BoundPolicy =>
  bindPolicies([spec, config]).steps[0]!.policy;
const JSON_TYPE = 'Content-Type: application/json';
const postJson = (path: string, body: string) => post(body, JSON_TYPE).replace('/in', path);

it('an expression that runs for ever costs its own request, and no other waits for it', async () => {
  const backend = await upstream();
  const jsonata = '$path = "/endless" ? ($f := function($x) { $f($x) }; $f(1)) : {"n": n}';
  const gateway = await plane(forward(), [backend.port], {
    requestBody: bound(requestBody, { jsonata, timeout: '4s' }),
  });
  const endless = await client(gateway);
  endless.write(postJson('/endless', '{"n":0}'));
  const other = await client(gateway);
  for (let n = 1; n <= 20; n++) {
    other.write(postJson('/', `{"n":${n},"x":1}`));
    await other.answers(n, Array(n).fill('POST'));
    expect((await backend.last.whole()).body).toBe(`{"n":${n}}`);
  }
  expect(endless.text).toBe('');
  expect((await endless.answer('POST')).status).toBe(500);
  expect(backend.requests).toHaveLength(20);
  other.write(postJson('/', '{"n":21}'));
  expect((await other.answers(21, Array(21).fill('POST'))).at(-1)!.status).toBe(200);
});

it('ends with the time of the request, too', async () => {
  const jsonata = '($f := function($x) { $f($x) }; $f(1))';
  const gateway = await plane(forward({ requestTimeout: { kind: 'after', ms: 100 } }), [], {
    requestBody: bound(requestBody, { jsonata, timeout: '3s' }),
  });
  const one = await client(gateway);
  one.write(postJson('/', '{}'));
  expect((await one.answer('POST')).status).toBe(504);
  expect(gateway.plane.heldBodyBytes).toBe(0);
});

it('maps what comes in one-byte chunks, both ways, and compresses the result', async () => {
  const answer = JSON.stringify({ data: Array.from({ length: 200 }, (_, id) => ({ id })) });
  const backend = await upstream(
    playing(`HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(answer, 1)}`),
  );
  const gateway = await plane(forward(), [backend.port], {
    compress: bound(compress, {}),
    requestBody: bound(requestBody, { wrap: 'query' }),
    responseBody: bound(responseBody, { unwrap: 'data' }),
  });
  const one = await client(gateway);
  one.write(
    `POST / HTTP/1.1\r\nHost: shop.test\r\nAccept-Encoding: gzip\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('{"a":1}', 1)}`,
  );
  const { body } = await one.answer('POST');
  const { gunzipSync } = await import('node:zlib');
  expect(gunzipSync(Buffer.from(body, 'latin1')).toString()).toBe(answer.slice(8, -1));
  expect((await backend.last.whole()).body).toBe('{"query":{"a":1}}');
  expect(backend.last.header('content-length')).toBe('17');
  expect(backend.last.header('accept-encoding')).toBe('identity');
});

it('sends nothing of an answer that can not be mapped', async () => {
  const backend = await upstream(playing(ok('{"secret":', JSON_TYPE)));
  const gateway = await plane(forward(), [backend.port], {
    responseBody: bound(responseBody, { unwrap: 'data' }),
  });
  const one = await client(gateway);
  one.write(`${head('GET /')}${head('GET /')}`);
  const answers = await one.answers(2);
  expect(answers.map(({ status }) => status)).toEqual([502, 502]);
  expect(one.text).not.toContain('secret');
  await until(() => gateway.value('requestsInFlight') === 0, 'it is over');
  expect(gateway.plane.heldBodyBytes).toBe(0);
});
