import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { policyCatalogue } from '../../src/policies/index.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import type { HeaderLine, ParsedMessage } from './support/http-text.ts';
import { head, rawRequest } from './support/raw-client.ts';
import { freePort } from './support/redis.ts';
import { forward, route } from './support/resources.ts';
import { RecordingUpstream } from './support/upstream.ts';

/**
 * Every policy of the catalogue in shadow mode: what reaches the backend, and what comes back, is the same as without it.
 * Each is configured so that it would refuse or change what is sent here.
 */
const secretRef = (key: string) => ({ secretRef: { name: 'shadow', key } });
const SECRETS = {
  htpasswd: 'bob:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=',
  shared: 'a secret that is long enough for all of them',
};
const LIMITS = [{ name: 'one', key: [{ constant: 'all' }], tokenBucket: { capacity: 1, rate: '1/d' } }];

const configs = (closedPort: number): Readonly<Record<string, object>> => ({
  apiKey: {},
  authenticate: { anyOf: [{ apiKey: {} }, { jwt: { keys: [secretRef('shared')] } }] },
  basic: { htpasswd: secretRef('htpasswd') },
  bodyLimit: { maxBytes: 1 },
  cache: { ttl: '1h' },
  compress: { minBytes: 1 },
  concurrencyLimit: { max: 1 },
  cors: { origins: ['https://other.example'] },
  csrf: {},
  decompressRequest: { maxBytes: 1 },
  errorPages: { upstream: true, pages: [{ statuses: ['4xx'], body: 'another page' }] },
  externalAuthorization: { url: `http://127.0.0.1:${closedPort}/`, upstreamHeaders: ['X-Kept'] },
  fault: { abort: { status: 503 } },
  hmac: { users: [{ username: 'bob', ...secretRef('shared') }] },
  identityHeaders: { user: 'X-Kept' },
  introspection: { url: `http://127.0.0.1:${closedPort}/`, client: { id: 'a', ...secretRef('shared') } },
  ipAccess: { deny: ['127.0.0.0/8'] },
  jwt: { keys: [secretRef('shared')], claimsToHeaders: [{ claim: 'sub', header: 'X-Kept' }], forward: false },
  oidc: {
    issuer: `https://127.0.0.1:${closedPort}`,
    client: { id: 'a', ...secretRef('shared') },
    session: secretRef('shared'),
  },
  overload: { priority: 'low' },
  pathMap: { paths: [{ from: '/', to: '/elsewhere', kind: 'prefix' }] },
  rateLimit: { limits: LIMITS },
  requestBody: { wrap: 'data' },
  requestHeaders: { remove: ['X-Kept'], set: [{ name: 'X-Set', value: 'a' }] },
  requestQuery: { dropOthers: true },
  require: { roles: ['nobody'] },
  responseBody: { wrap: 'data' },
  responseHeaders: { remove: ['X-Answer'], set: [{ name: 'X-Set', value: 'a' }] },
  securityHeaders: {},
  signature: { keys: [{ id: 'a', algorithm: 'hmac-sha256', ...secretRef('shared') }] },
  statusMap: { map: [{ from: 404, to: 410 }] },
  validate: { body: { schema: { type: 'string' } }, answers: { body: { schema: { type: 'string' } } } },
});

let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(async (request, connection) => {
    const { body } = await request.whole();
    const status = request.target.includes('missing') ? '404 Not Found' : '200 OK';
    const answer = JSON.stringify({ told: body.length, text: 'a'.repeat(2000) });
    const lines = [
      'Content-Type: application/json',
      `Content-Length: ${answer.length}`,
      'X-Answer: 1',
      'ETag: "a"',
    ];
    connection.write(
      [
        `HTTP/1.1 ${status}`,
        ...lines,
        'Cache-Control: max-age=60',
        '',
        request.method === 'HEAD' ? '' : answer,
      ].join('\r\n'),
    );
  });
  const all = configs(await freePort());
  expect(Object.keys(all).sort()).toEqual([...policyCatalogue.keys()].sort());
  const hosts = Object.entries(all).map(([name, config]) => [
    `${name}.yaml`,
    route(
      name.toLowerCase(),
      [forward('/', upstream.port, { policies: [{ [name]: config, shadow: true }] })],
      { hosts: [hostOf(name)] },
    ),
  ]);
  gateway = await startGateway({
    threads: 1,
    files: {
      ...Object.fromEntries(hosts),
      'plain.yaml': route('plain', [forward('/', upstream.port)], { hosts: [hostOf('plain')] }),
      'secret.yaml': stringify({
        ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shadow', namespace: 'default' } },
        stringData: SECRETS,
      }),
    },
  });
  expect(gateway.log).not.toContain('"level":"error"');
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

function hostOf(policy: string): string {
  return `${policy.toLowerCase()}.test`;
}

const JSON_BODY = '{"a":1,"a":2}';
const ZIPPED = gzipSync('some text').toString('latin1');
const REQUESTS: Readonly<Record<string, (host: string) => string>> = {
  'GET with everything': (host) =>
    head(
      'GET /page/%41?q=1&q=%0A&x',
      ...[
        'Origin: https://a.example',
        'Sec-Fetch-Site: cross-site',
        'Accept-Encoding: gzip, br',
        'X-Kept: 1',
      ],
      ...['Authorization: Bearer a.b.c', 'Cookie: a=1; __Host-x=2', 'X-API-Key: nobody', 'Range: bytes=0-1'],
    ).replace('shop.test', host),
  'GET of what is not there': (host) => head('GET /missing').replace('shop.test', host),
  HEAD: (host) => head('HEAD /page', 'Accept-Encoding: gzip').replace('shop.test', host),
  'POST of JSON': (host) =>
    head(
      'POST /page',
      'Sec-Fetch-Site: cross-site',
      'Content-Type: application/json',
      `Content-Length: ${JSON_BODY.length}`,
    )
      .replace('shop.test', host)
      .concat(JSON_BODY),
  'POST in chunks': (host) =>
    head('POST /page', 'Transfer-Encoding: chunked')
      .replace('shop.test', host)
      .concat('3\r\nabc\r\n0\r\n\r\n'),
  'POST of gzip': (host) =>
    head('POST /page', 'Content-Encoding: gzip', `Content-Length: ${ZIPPED.length}`)
      .replace('shop.test', host)
      .concat(ZIPPED),
  'a preflight': (host) =>
    head('OPTIONS /page', 'Origin: https://a.example', 'Access-Control-Request-Method: PUT').replace(
      'shop.test',
      host,
    ),
};

/** What differs between any two requests. */
const OWN = new Set(['x-request-id', 'date', 'host', 'x-forwarded-host', 'forwarded', 'connection']);
const linesOf = (headers: readonly HeaderLine[]) => headers.filter(([name]) => !OWN.has(name)).sort();

/** A length, or chunks, may frame the same body: whoever has seen all of it may say how long it is. */
function seen(message: ParsedMessage) {
  const lines = linesOf(message.headers).filter(
    ([name]) => !/^(content-length|transfer-encoding)$/.test(name),
  );
  return { start: message.startLine, lines, body: message.body };
}

async function exchangeOf(host: string, make: (host: string) => string) {
  const bytes = make(host);
  const before = upstream.requests.length;
  const answer = await rawRequest(gateway.port, bytes);
  const asked = upstream.requests.slice(before).map(({ message }) => seen(message));
  return { asked, answer: seen(answer) };
}

describe.each([...policyCatalogue.keys()])('%s', (name) => {
  it.each(Object.entries(REQUESTS))('%s', async (_, make) => {
    const plain = await exchangeOf(hostOf('plain'), make);
    expect(plain.asked).toHaveLength(1);
    // Twice: a limit, or an answer that was kept, would show with the second.
    for (let i = 0; i < 2; i++) expect(await exchangeOf(hostOf(name), make)).toEqual(plain);
  });
});
