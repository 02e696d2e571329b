// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyCatalogue } from '../../src/policies/index.ts';
import {
  bindPolicies,
  type Entry,
  exchange,
  type TestAnswer,
  type TestRequest,
} from '../../src/policies/testing.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { type HeaderLine, headerOf, type ParsedResponse } from './support/http-text.ts';
import { get, head, RawClient, rawRequest } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { RecordingUpstream, type UpstreamRequest } from './support/upstream.ts';
import { until } from './support/wait.ts';

/**
 * Each policy in a running gateway. The cases also hold the harness of the unit tests (`src/policies/testing.ts`)
 * against the gateway: both must send the same request and give the same answer.
 */

interface Case {
  readonly name: string;
  readonly policies: Readonly<Record<string, unknown>>;
  readonly request?: TestRequest;
  readonly answer?: TestAnswer;
  readonly status: number;
  /** Lines that the client gets. */
  readonly gets?: readonly string[];
  /** Lines that the backend gets; null: nothing. */
  readonly sends?: readonly string[] | null;
}

const ORIGIN = 'Origin: https://shop.example';
const CORS = { origins: ['https://shop.example'], methods: ['PUT'], credentials: true, maxAge: '10m' };
const PAGES = { pages: [{ statuses: ['5xx', '403'], contentType: 'text/plain', body: 'page ${status}' }] };

const CASES: readonly Case[] = [
  {
    name: 'fault aborts',
    policies: { fault: { abort: { status: 503, body: 'on purpose' } } },
    status: 503,
    gets: ['content-type: text/plain; charset=utf-8'],
    sends: null,
  },
  { name: 'fault delays', policies: { fault: { delay: { duration: '1ms' } } }, status: 200, sends: [] },
  {
    name: 'requestHeaders edits what is sent',
    policies: {
      requestHeaders: {
        rename: [{ from: 'X-Old', to: 'X-New' }],
        remove: ['X-Gone'],
        set: [
          { name: 'X-Client', value: '${clientAddress} ${header.x-tenant}' },
          { name: 'X-Where', value: '${method} ${host}' },
        ],
        add: [{ name: 'X-Kept', value: 'b' }],
      },
    },
    request: { lines: ['X-Old: 1', 'X-Gone: 1', 'X-Client: forged', 'X-Tenant: acme', 'X-Kept: a'] },
    status: 200,
    sends: [
      'x-tenant: acme',
      'x-kept: a',
      'x-new: 1',
      'x-client: 127.0.0.1 acme',
      'x-where: GET shop.test',
      'x-kept: b',
    ],
  },
  {
    name: 'responseHeaders edits what comes back',
    policies: {
      responseHeaders: { remove: ['X-Gone'], set: [{ name: 'Cache-Control', value: 'no-store' }] },
    },
    answer: { lines: ['X-Gone: 1', 'Cache-Control: public', 'X-Kept: 1'] },
    status: 200,
    gets: ['x-kept: 1', 'cache-control: no-store'],
  },
  {
    name: 'responseHeaders edits refusals',
    policies: {
      ipAccess: { deny: ['127.0.0.0/8'] },
      responseHeaders: { set: [{ name: 'X-Seen', value: '1' }] },
    },
    status: 403,
    gets: ['content-type: application/problem+json', 'x-seen: 1'],
    sends: null,
  },
  {
    name: 'errorPages replaces a refusal',
    policies: { ipAccess: { allow: ['10.0.0.0/8'] }, errorPages: PAGES },
    status: 403,
    gets: ['content-type: text/plain'],
    sends: null,
  },
  {
    name: "errorPages leaves the backend's errors",
    policies: { errorPages: PAGES },
    answer: { status: 500, lines: ['Content-Type: text/x-own'] },
    status: 500,
    gets: ['content-type: text/x-own'],
  },
  {
    name: "errorPages replaces the backend's errors when asked to",
    policies: { errorPages: { ...PAGES, upstream: true } },
    answer: {
      status: 500,
      lines: ['Content-Type: text/x-own', 'ETag: "a"', 'Set-Cookie: a=1', 'Server: secret'],
    },
    status: 500,
    gets: ['set-cookie: a=1', 'content-type: text/plain'],
  },
  {
    name: 'statusMap',
    policies: { statusMap: { preset: 'standard' } },
    answer: { status: 502 },
    status: 503,
  },
  {
    name: 'the first policy that answers ends the way',
    policies: { ipAccess: { deny: ['127.0.0.1'] }, requestHeaders: {}, fault: { abort: { status: 503 } } },
    status: 403,
    sends: null,
  },
  { name: 'ipAccess admits', policies: { ipAccess: { allow: ['127.0.0.1'] } }, status: 200 },
  {
    name: 'cors answers a preflight',
    policies: { cors: CORS },
    request: { method: 'OPTIONS', lines: [ORIGIN, 'Access-Control-Request-Method: PUT'] },
    status: 204,
    gets: [
      'access-control-allow-methods: PUT',
      'access-control-max-age: 600',
      'vary: Access-Control-Request-Method, Access-Control-Request-Headers',
      'vary: Origin',
      'access-control-allow-origin: https://shop.example',
      'access-control-allow-credentials: true',
    ],
    sends: null,
  },
  {
    name: 'cors refuses a preflight',
    policies: { cors: CORS },
    request: { method: 'OPTIONS', lines: ['Origin: null', 'Access-Control-Request-Method: PUT'] },
    status: 403,
    gets: ['content-type: application/problem+json', 'vary: Origin'],
    sends: null,
  },
  {
    name: "cors takes the place of the backend's word",
    policies: { cors: CORS },
    request: { lines: [ORIGIN] },
    answer: { lines: ['Access-Control-Allow-Origin: *', 'Vary: Accept'] },
    status: 200,
    gets: [
      'vary: Accept',
      'vary: Origin',
      'access-control-allow-origin: https://shop.example',
      'access-control-allow-credentials: true',
    ],
  },
  {
    name: 'securityHeaders',
    policies: {
      securityHeaders: { hsts: {}, frameOptions: 'DENY', contentSecurityPolicy: "default-src 'self'" },
    },
    status: 200,
    gets: [
      'x-content-type-options: nosniff',
      'x-frame-options: DENY',
      'referrer-policy: strict-origin-when-cross-origin',
      "content-security-policy: default-src 'self'",
    ],
  },
  {
    name: 'csrf refuses another site',
    policies: { csrf: {} },
    request: { method: 'POST', lines: ['Origin: https://evil.example', 'Content-Length: 0'] },
    status: 403,
    sends: null,
  },
  {
    name: 'csrf admits the own page',
    policies: { csrf: {} },
    request: { method: 'POST', lines: ['Origin: https://shop.test', 'Content-Length: 0'] },
    status: 200,
  },
];

const pathOf = (index: number) => `/case-${String(index).padStart(2, '0')}`;
const entries = (policies: Readonly<Record<string, unknown>>) =>
  Object.entries(policies).map(([name, config]) => ({ [name]: config }));

/** The gateway's own lines, and those that only tell how the message is framed. */
const NOT_OF_POLICIES =
  /^(host|date|connection|content-length|transfer-encoding|via|forwarded|x-forwarded-(for|proto|host)|x-request-id)$/;

function linesOf({ headers }: { readonly headers: readonly HeaderLine[] }): string[] {
  return headers.filter(([name]) => !NOT_OF_POLICIES.test(name)).map(([name, value]) => `${name}: ${value}`);
}

/** What `exchange` prints, in the same form. */
const plain = (lines: readonly string[]) =>
  lines.filter((line) => !NOT_OF_POLICIES.test(line.slice(0, line.indexOf(':'))));

let upstream: RecordingUpstream;
let gateway: Gateway;

async function answerCase(request: UpstreamRequest): Promise<string> {
  await request.whole();
  if (request.target === '/endless')
    return 'HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
  const { answer = {} } = CASES[Number(/case-(\d+)/.exec(request.target)?.[1])] ?? {};
  const { status = 200, lines = [] } = answer;
  return [`HTTP/1.1 ${status} Status`, ...lines, 'Content-Length: 7', '', 'backend'].join('\r\n');
}

beforeAll(async () => {
  upstream = await RecordingUpstream.start(async (request, connection) =>
    connection.write(await answerCase(request)),
  );
  const cases = CASES.map(({ policies }, index) =>
    forward(pathOf(index), upstream.port, { policies: entries(policies) }),
  );
  const more = [
    forward('/held', upstream.port, { policies: [{ fault: { delay: { duration: '10m' } } }] }),
    forward('/late', upstream.port, {
      policies: [{ fault: { delay: { duration: '10m' } } }],
      timeouts: { request: '50ms' },
    }),
    { ...prefix('/down'), backends: [{ addresses: ['127.0.0.1:1'] }], policies: [{ errorPages: PAGES }] },
    forward('/behind', upstream.port, {
      policies: [{ securityHeaders: { hsts: {} } }, { ipAccess: { allow: ['203.0.113.0/24'] } }],
    }),
    forward('/endless', upstream.port, { policies: [{ errorPages: { ...PAGES, upstream: true } }] }),
    forward('/inherits', upstream.port),
    forward('/overrides', upstream.port, {
      policies: [{ responseHeaders: { set: [{ name: 'X-From', value: 'rule' }] } }],
    }),
  ];
  gateway = await startGateway({
    files: { 'route.yaml': route('policies', [...cases, ...more]) },
    settings: {
      policies: [{ responseHeaders: { set: [{ name: 'X-From', value: 'global' }] } }],
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe('as the harness of the unit tests says', () => {
  const GLOBAL = 'x-from: global';

  it.each(CASES.map((one, index) => [one.name, one, index] as const))('%s', async (_, one, index) => {
    const request = { ...one.request, target: pathOf(index), client: '127.0.0.1' };
    const bytes = head(`${request.method ?? 'GET'} ${request.target}`, ...(request.lines ?? []));
    const answer = await rawRequest(gateway.port, bytes);
    const sent = requestFor(upstream, pathOf(index));

    const all = Object.entries(one.policies).map(
      ([name, config]): Entry => [policyCatalogue.get(name)!, config],
    );
    const model = await exchange(bindPolicies(...all), request, one.answer);
    expect(answer.status).toBe(model.status);
    // A rule's own responseHeaders take the place of the global ones.
    const own = 'responseHeaders' in one.policies ? [] : [GLOBAL];
    expect(linesOf(answer).toSorted()).toEqual([...withoutServer(plain(model.lines)), ...own].toSorted());
    expect(answer.body).toBe(model.body ?? 'backend');
    expect(sent === null ? null : linesOf(sent.head)).toEqual(
      model.forwarded === null ? null : plain(model.forwarded),
    );

    expect(answer.status).toBe(one.status);
    expect(linesOf(answer)).toEqual(expect.arrayContaining([...(one.gets ?? [])]));
    if (one.sends === null) expect(sent).toBeNull();
    else if (one.sends !== undefined) expect(linesOf(sent!.head)).toEqual(one.sends);
  });
});

/** The codec never passes it on; policies may see it. */
const withoutServer = (lines: readonly string[]) => lines.filter((line) => !line.startsWith('server:'));

describe('fault', () => {
  it('a client that leaves while it is held never reaches the backend', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /held'));
    const inFlight = async () => / (\d+)$/m.exec(metricLine((await gateway.admin('/metrics')).text))?.[1];
    await until(async () => (await inFlight()) === '1', 'the request is held');
    // A FIN alone would only say that nothing more comes from it.
    client.reset();
    await until(async () => (await inFlight()) === '0', 'it is let go');
    expect(requestFor(upstream, '/held')).toBeNull();
  });

  it("the request's time runs while it is held", async () => {
    expect((await get(gateway.port, '/late')).status).toBe(504);
    expect(requestFor(upstream, '/late')).toBeNull();
  });
});

function metricLine(text: string): string {
  return text.split('\n').find((line) => /^gateway_requests_in_flight/.test(line)) ?? '';
}

describe('errorPages', () => {
  it('a backend that is not there', async () => {
    const answer = await get(gateway.port, '/down');
    expect([answer.status, answer.body, headerOf(answer, 'content-type')]).toEqual([
      answer.status,
      `page ${answer.status}`,
      'text/plain',
    ]);
    expect(answer.status).toBeGreaterThanOrEqual(502);
  });

  it("a backend's body that never ends is thrown away, and the connection goes on", async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /endless') + head('GET /inherits'));
    const [page, next] = await client.answers(2);
    expect([page!.status, page!.body, headerOf(page!, 'transfer-encoding'), next!.body]).toEqual([
      500,
      'page 500',
      null,
      'backend',
    ]);
    await until(() => requestFor(upstream, '/endless')!.connection.closed, 'the backend is let go');
    client.destroy();
  });

  it('HEAD gets the length of the page and no body, and the connection goes on', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('HEAD /down') + head('GET /inherits'));
    const [page, next] = (await client.answers(2, ['HEAD', 'GET'])) as [ParsedResponse, ParsedResponse];
    expect([headerOf(page, 'content-length'), page.body, next.body]).toEqual(['8', '', 'backend']);
    client.destroy();
  });
});

describe('a policy that can not be', () => {
  it('is said with its place; the last good version serves on', async () => {
    const text = (origin: string) =>
      route('checked', [
        forward('/checked', upstream.port, { policies: [{ cors: { ...CORS, origins: [origin] } }] }),
      ]);
    gateway.write('checked.yaml', text('https://shop.example'));
    const allowed = async () =>
      headerOf(await get(gateway.port, '/checked', ORIGIN), 'access-control-allow-origin');
    await until(async () => (await allowed()) !== null, 'the route is served');
    gateway.write('checked.yaml', text('*'));
    await until(() => gateway.log.includes('name the origins'), 'the gateway says what is wrong');
    expect(gateway.log).toMatch(
      /checked\.yaml:\d+:\d+: error: spec\.rules\[0\]\.policies\[0\]\.cors: with credentials, name/,
    );
    expect(await allowed()).toBe('https://shop.example');
  });
});

describe('policies of the gateway, the route and the rule', () => {
  it('a rule has the global one, or its own in its place', async () => {
    expect(headerOf(await get(gateway.port, '/inherits'), 'x-from')).toBe('global');
    expect(headerOf(await get(gateway.port, '/overrides'), 'x-from')).toBe('rule');
  });

  it('edits of one request are not seen by the next of its connection', async () => {
    const edited = CASES.findIndex(({ name }) => name === 'requestHeaders edits what is sent');
    const client = await RawClient.connect(gateway.port);
    client.write(head(`GET ${pathOf(edited)}`) + head('GET /inherits?next', 'X-Gone: 1'));
    await client.answers(2);
    expect(linesOf(requestFor(upstream, '/inherits?next')!.head)).toEqual(['x-gone: 1']);
    client.destroy();
  });
});

describe('behind a trusted proxy', () => {
  let trusting: Gateway;
  beforeAll(async () => {
    trusting = await startGateway({
      files: {
        'route.yaml': route('behind', [
          forward('/', upstream.port, {
            policies: [{ securityHeaders: { hsts: {} } }, { ipAccess: { allow: ['203.0.113.0/24'] } }],
          }),
        ]),
      },
      settings: { trustedProxies: ['127.0.0.1'] },
    });
  });
  afterAll(() => trusting?.stop());

  it.each([
    ['203.0.113.9', 'https', 200, 'max-age=31536000'],
    ['203.0.113.9', 'http', 200, null],
    ['198.51.100.9', 'https', 403, 'max-age=31536000'],
  ])('a client %s by %s gets %d and %s', async (address, proto, status, hsts) => {
    const answer = await get(
      trusting.port,
      '/',
      `X-Forwarded-For: ${address}`,
      `X-Forwarded-Proto: ${proto}`,
    );
    expect([answer.status, headerOf(answer, 'strict-transport-security')]).toEqual([status, hsts]);
  });

  it('others are not believed', async () => {
    const answer = await get(
      gateway.port,
      '/behind',
      'X-Forwarded-For: 203.0.113.9',
      'X-Forwarded-Proto: https',
    );
    expect([answer.status, headerOf(answer, 'strict-transport-security')]).toEqual([403, null]);
  });
});
