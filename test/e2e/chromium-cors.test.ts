import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { API, APP, type Asking, fetchFrom, frame, Pages, type Seen, statusOf } from './support/pages.ts';
import { rawRequest } from './support/raw-client.ts';
import { backend, forward, prefix, type RuleSpec } from './support/resources.ts';

/** What a real browser makes of the policy `cors`, as docs/policies.md promises it. */

const LISTED = { origins: [APP, 'https://*.app.test'] };
const WITH = { ...LISTED, credentials: true, exposedHeaders: ['X-Total'] };
const limit = { name: 'few', key: [{ constant: 'all' }], tokenBucket: { capacity: 1, rate: '1/h' } };

function rules(port: number): RuleSpec[] {
  const rule = (path: string, cors: object, more: readonly object[] = []) =>
    forward(path, port, { policies: [{ cors }, ...more] });
  return [
    forward('/bare', port),
    rule('/open', { origins: ['*'], exposedHeaders: ['*'] }),
    rule('/wild', { origins: ['*'], methods: ['*'], headers: ['*'] }),
    rule('/with', { ...WITH, methods: ['GET', 'PUT', 'PATCH'], headers: ['X-Asked'] }),
    rule('/stars', { ...LISTED, credentials: true, methods: ['*'], headers: ['*'] }),
    rule('/without', { ...LISTED, methods: ['GET', 'POST'], headers: ['*'] }),
    rule('/null', { origins: ['null'] }),
    rule('/aged', { ...LISTED, methods: ['PUT'], maxAge: '10m' }),
    rule('/ageless', { ...LISTED, methods: ['PUT'], maxAge: '0s' }),
    rule('/kept', WITH),
    rule('/shared-kept', WITH, [{ cache: { ttl: '1h' } }]),
    rule('/locked', WITH, [{ jwt: { keys: [{ secretRef: { name: 'token' } }] } }]),
    rule('/few', { ...WITH, exposedHeaders: ['Retry-After'] }, [{ rateLimit: { limits: [limit] } }]),
    { ...rule('/small', { ...WITH, headers: ['Content-Type'] }), maxBodyBytes: 4 },
    { ...prefix('/down'), backends: [backend(1)], policies: [{ cors: WITH }] },
    { ...prefix('/fixed'), respond: { status: 418 }, policies: [{ cors: WITH }] },
    {
      ...prefix('/paged'),
      backends: [backend(1)],
      // Listed before: what it puts in the answer's place comes last.
      policies: [{ errorPages: { pages: [{ statuses: ['5xx'], body: 'a page' }] } }, { cors: WITH }],
    },
    forward('/shadow', port, { policies: [{ cors: WITH, shadow: true }] }),
  ];
}

const SECRET =
  'apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: default}\nstringData: {secret: "0123456789abcdef0123456789abcdef"}\n';

let pages: Pages;
let window: BrowserContext;
let app: Page;

async function open(origin: string): Promise<Page> {
  const page = await window.newPage();
  await page.goto(origin);
  return page;
}

beforeAll(async () => {
  pages = await Pages.start(rules, { 'token.yaml': SECRET });
});
afterAll(() => pages?.stop());
beforeEach(async () => {
  window = await pages.chromium.window();
  app = await open(APP);
});
afterEach(() => window.close());

const call = (path: string, init?: Asking, from = app) => fetchFrom(from, `${API}${path}`, init);
const status = async (path: string, init?: Asking, from = app) => statusOf(await call(path, init, from));

describe('simple requests', () => {
  it('without the policy a page reads nothing, and with it what a listed origin may', async () => {
    expect(await status('/bare')).toBe('refused');
    expect(await status('/with')).toBe(200);
    expect(await status('/with', {}, await open('https://sub.app.test'))).toBe(200);
    // The request is sent; the browser keeps the answer from the page, whatever the backend says of its origin.
    const evil = await open('https://evil.test');
    expect(await status('/with/evil', {}, evil)).toBe('refused');
    expect(pages.forwarded('/with/evil')).toBe(1);
    expect(await status('/open', {}, evil)).toBe(200);
  });

  it('headers: those that are exposed, and none that only the backend exposes', async () => {
    const { headers } = (await call('/with')) as Seen;
    expect([headers['x-total'], headers['x-secret']]).toEqual(['7', undefined]);
    const { headers: all } = (await call('/open')) as Seen;
    expect([all['x-total'], all['x-secret']]).toEqual(['7', 's']);
  });

  it('one that asks for no CORS sees nothing, and is not refused', async () => {
    expect(await call('/with', { mode: 'no-cors' })).toMatchObject({ status: 0, type: 'opaque' });
  });
});

describe('credentials', () => {
  it('cookies go and come back only where the policy allows it', async () => {
    await window.addCookies([
      { name: 'id', value: '1', domain: 'api.app.test', path: '/', secure: true, sameSite: 'None' },
    ]);
    expect((await call('/with', { credentials: 'include' })) as Seen).toMatchObject({
      body: expect.stringContaining('cookie=id=1 '),
    });
    expect((await call('/with')) as Seen).toMatchObject({ body: expect.stringContaining('cookie= ') });
    await call('/with/cookie', { credentials: 'include' });
    expect((await window.cookies(API)).map(({ value }) => value)).toEqual(['7']);
    for (const path of ['/open', '/wild', '/without']) {
      expect([path, await status(path, { credentials: 'include' })]).toEqual([path, 'refused']);
      expect([path, await status(path)]).toEqual([path, 200]);
    }
  });

  it('with them a star of methods and headers means what was asked for', async () => {
    const init = {
      method: 'PROPFIND',
      headers: { 'x-a': '1', authorization: 'Basic Og==' },
      credentials: 'include',
    } as const;
    expect(await status('/stars', init)).toBe(200);
    expect(await status('/wild', { method: 'PROPFIND', headers: { 'x-a': '1' } })).toBe(200);
  });
});

describe('preflights', () => {
  it.each<[string, Asking, number | 'refused']>([
    ['a method', { method: 'PUT' }, 200],
    ['a header, in any case', { headers: { 'x-asked': '1' } }, 200],
    ['both', { method: 'PUT', headers: { 'X-ASKED': '1' } }, 200],
    ['with credentials', { method: 'PUT', headers: { 'X-Asked': '1' }, credentials: 'include' }, 200],
    ['a method that the browser writes in capitals', { method: 'put' }, 200],
    ['one that it does not', { method: 'patch' }, 'refused'],
    ['the same in capitals', { method: 'PATCH' }, 200],
    ['a method that is not listed', { method: 'DELETE' }, 'refused'],
    ['a header that is not listed', { headers: { 'X-Other': '1' } }, 'refused'],
  ])('%s', async (what, init, expected) => {
    const path = `/with/preflight/${what.replaceAll(' ', '-')}`;
    expect(await status(path, init)).toBe(expected);
    // They end at the gateway, and what is refused there is never sent.
    expect(pages.sent(path, 'OPTIONS')).toHaveLength(1);
    expect([pages.forwarded(path, 'OPTIONS'), pages.forwarded(path)]).toEqual([0, expected === 200 ? 1 : 0]);
  });

  it('of another origin are refused, and nothing is sent', async () => {
    expect(await status('/with/put', { method: 'PUT' }, await open('https://evil.test'))).toBe('refused');
    expect([pages.sent('/with/put', 'PUT').length, pages.forwarded('/with/put')]).toEqual([0, 0]);
  });

  it('are remembered for maxAge', async () => {
    for (const path of ['/aged/a', '/ageless/a']) {
      for (let i = 0; i < 3; i++) expect(await status(path, { method: 'PUT' })).toBe(200);
    }
    expect([pages.sent('/aged', 'OPTIONS').length, pages.sent('/ageless', 'OPTIONS').length]).toEqual([1, 3]);
  });

  it('an OPTIONS that is none goes to the backend, with what a preflight of it needs', async () => {
    const { body } = (await call('/stars/options', { method: 'OPTIONS' })) as Seen;
    expect(body).toContain('OPTIONS /stars/options');
    expect([pages.sent('/stars/options').length, pages.forwarded('/stars/options')]).toEqual([2, 1]);
  });

  it('answer no private network by themselves: this browser asks its user', async () => {
    expect(
      pages.chromium.requests.filter((one) => 'access-control-request-private-network' in one.headers),
    ).toEqual([]);
  });
});

describe('pages without an origin', () => {
  const framed = (kind: 'sandbox' | 'data', path: string) =>
    frame(
      app,
      kind,
      `<script>fetch('${API}${path}').then((a) => a.status, () => 'refused').then((s) => parent.postMessage(String(s), '*'))</script>`,
      true,
    );

  it.each(['sandbox', 'data'] as const)(
    '%s is null: taken where it is listed, and by the star',
    async (kind) => {
      expect(await framed(kind, '/null')).toBe('200');
      expect(await framed(kind, '/open')).toBe('200');
      expect(await framed(kind, '/with')).toBe('refused');
      expect(await status('/null')).toBe('refused');
    },
  );

  it('so is what a redirect over a third origin has left', async () => {
    const over = (path: string, to: string) => `${path}?to=${encodeURIComponent(to)}`;
    expect(await status(over('/with', `${API}/with/end`))).toBe(200);
    // To one's own origin and back: the browser tells no origin any more.
    expect(await status(over('/with', `${APP}/`))).toBe('refused');
    expect(await status(over('/bare', `${API}/with/end`))).toBe('refused');
    const evil = await open('https://evil.test');
    const step = `${API}${over('/open', `${API}/open/end`)}`;
    expect(statusOf(await fetchFrom(evil, step))).toBe(200);
  });
});

describe('errors of the gateway can be read by a page', () => {
  it.each<[string, Asking, number]>([
    ['/locked', {}, 401],
    ['/small', { method: 'POST', body: 'much too long' }, 413],
    ['/down', {}, 502],
    ['/fixed', {}, 418],
  ])('%s %j: %i', async (path, init, expected) => {
    const seen = (await call(path, { ...init, credentials: 'include' })) as Seen;
    expect(seen.status).toBe(expected);
    if (path !== '/fixed') expect(JSON.parse(seen.body)).toMatchObject({ status: expected });
  });

  it('429, and when to come back', async () => {
    expect(await status('/few')).toBe(200);
    const { status: second, headers } = (await call('/few')) as Seen;
    expect(second).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  it("a page of the route's own", async () => {
    expect(await call('/paged')).toMatchObject({ status: 502, body: 'a page' });
  });
});

describe('caches', () => {
  it("the browser's: an answer for no CORS, or for another origin, is not taken for this page's", async () => {
    for (const path of ['/kept/a', '/open/kept']) {
      await call(path, { mode: 'no-cors' });
      expect([path, await status(path)]).toEqual([path, 200]);
    }
    // Of all origins the same: kept once, for both.
    expect(pages.forwarded('/open/kept')).toBe(1);
    // Partitioned by site as caches of browsers are, these two share one.
    const sub = await open('https://sub.app.test');
    expect([await status('/kept/b'), await status('/kept/b', {}, sub), await status('/kept/b')]).toEqual([
      200, 200, 200,
    ]);
  });

  it("the gateway's: each origin gets its own", async () => {
    const path = '/shared-kept/a';
    expect(await status(path)).toBe(200);
    expect(await status(path, {}, await open('https://sub.app.test'))).toBe(200);
    expect(await status(path, {}, await open('https://evil.test'))).toBe('refused');
    expect(await status(path)).toBe(200);
    expect(pages.forwarded(path)).toBe(1);
  });
});

it('in shadow mode everything is as without it', async () => {
  expect(await status('/shadow', {}, await open('https://evil.test'))).toBe(200);
  expect(await status('/shadow')).toBe('refused');
  expect(await status('/shadow/put', { method: 'PUT' })).toBe('refused');
  expect(pages.forwarded('/shadow/put', 'OPTIONS')).toBe(1);
});

it.each([
  ['two lines', `Origin: ${APP}\r\nOrigin: ${APP}`],
  ['a list', `Origin: ${APP} ${APP}`],
  ['nothing', 'Origin:'],
  ['a path', `Origin: ${APP}/`],
  ['something large', `Origin: https://evil${'l'.repeat(6000)}.test`],
  ['no text', 'Origin: https://\u00ff.app.test'],
])('an Origin of %s is none', async (_, line) => {
  const answer = await rawRequest(
    pages.gateway.port,
    `GET /with HTTP/1.1\r\nHost: api.app.test\r\n${line}\r\n\r\n`,
  );
  const names = answer.headers.map(([name]) => name.toLowerCase());
  expect(names.filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(answer.headers.find(([name]) => name.toLowerCase() === 'vary')?.[1]).toBe('Origin');
});
