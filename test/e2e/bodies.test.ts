// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, head, rawRequest } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { RecordingUpstream } from './support/upstream.ts';

/** The policies that have to do with bodies, in a running program. */
let upstream: RecordingUpstream;
let gateway: Gateway;

const DATA = { data: Array.from({ length: 500 }, (_, id) => ({ id, name: `item ${id}` })), page: 1 };
const ANSWER = JSON.stringify(DATA);
const JSON_TYPE = 'Content-Type: application/json';
const ENDLESS = '($f := function($x) { $f($x) }; $f(1))';

beforeAll(async () => {
  upstream = await RecordingUpstream.start(async (request, connection) => {
    await request.whole();
    connection.write(
      `HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nETag: "v1"\r\nContent-Length: ${ANSWER.length}\r\n\r\n${request.method === 'HEAD' ? '' : ANSWER}`,
    );
  });
  const { port } = upstream;
  gateway = await startGateway({
    files: {
      'route.yaml': route('bodies', [
        forward('/plain', port, { policies: [{ responseBody: { unwrap: 'data' } }] }),
        forward('/wrap', port, { policies: [{ decompressRequest: {} }, { requestBody: { wrap: 'query' } }] }),
        forward('/template', port, {
          policies: [{ requestBody: { template: '{"id":${requestId},"n":${body.n}}' } }],
        }),
        forward('/jsonata', port, {
          policies: [{ requestBody: { jsonata: '{"n": n + 1}', timeout: '20s' } }],
        }),
        forward('/endless', port, { policies: [{ requestBody: { jsonata: ENDLESS, timeout: '200ms' } }] }),
        forward('/legacy', port, {
          policies: [
            { pathMap: { paths: [{ from: '/legacy/list.do', to: '/list' }] } },
            { requestQuery: { rename: [{ from: 'q', to: 'search' }], remove: ['debug'] } },
          ],
        }),
        forward('/', port),
      ]),
    },
    settings: { policies: [{ compress: {} }] },
    threads: 2,
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const post = (path: string, body: string, ...lines: string[]) =>
  rawRequest(
    gateway.port,
    `${head(`POST ${path}`, JSON_TYPE, `Content-Length: ${body.length}`, ...lines)}${body}`,
  );

it.each([
  ['gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
])('compresses with %s, for every route', async (coding, decode) => {
  const answer = await get(gateway.port, '/', `Accept-Encoding: ${coding}`);
  expect([headerOf(answer, 'content-encoding'), headerOf(answer, 'etag')]).toEqual([coding, 'W/"v1"']);
  expect(decode(Buffer.from(answer.body, 'latin1')).toString()).toBe(ANSWER);
  const plain = await get(gateway.port, '/');
  expect([plain.body, headerOf(plain, 'etag'), headerOf(plain, 'vary')]).toEqual([
    ANSWER,
    '"v1"',
    'Accept-Encoding',
  ]);
});

it('unwraps, then compresses', async () => {
  const answer = await get(gateway.port, '/plain', 'Accept-Encoding: gzip');
  expect(JSON.parse(gunzipSync(Buffer.from(answer.body, 'latin1')).toString())).toEqual(DATA.data);
});

it('decompresses, then wraps', async () => {
  const answer = await post('/wrap', gzipSync('{"a":1}').toString('latin1'), 'Content-Encoding: gzip');
  expect(answer.status).toBe(200);
  expect(upstream.last.body).toBe('{"query":{"a":1}}');
});

it('maps by template and by expression', async () => {
  expect((await post('/template', '{"n":1234567890123456789012}')).status).toBe(200);
  expect(upstream.last.body).toMatch(/^\{"id":"[^"]+","n":1234567890123456789012\}$/);
  expect((await post('/jsonata', '{"n":41}')).status).toBe(200);
  expect(upstream.last.body).toBe('{"n":42}');
});

it('an expression without end is a 500, again and again, and the rest is served', async () => {
  const before = upstream.requests.length;
  const answers = await Promise.all(Array.from({ length: 6 }, () => post('/endless', '{}')));
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(500));
  expect(upstream.requests).toHaveLength(before);
  expect((await post('/jsonata', '{"n":1}')).status).toBe(200);
});

it('another path and another query', async () => {
  await get(gateway.port, '/legacy/list.do?q=a%20b&debug=1&keep=%2f');
  expect(upstream.last.target).toBe('/list?search=a%20b&keep=%2f');
});
