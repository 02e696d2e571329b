import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  API,
  APP,
  fetchFrom,
  frame,
  hideReferrer,
  JUMPS_TO,
  openSocket,
  Pages,
  statusOf,
  submitForm,
} from './support/pages.ts';
import { forward } from './support/resources.ts';
import { until } from './support/wait.ts';

/** What pages of other origins make a real browser send, and what the policy `csrf` makes of it. */

const EVIL = 'https://evil.test';
const SIBLING = 'https://sub.app.test';
let pages: Pages;
let window: BrowserContext;

beforeAll(async () => {
  pages = await Pages.start((port) => [
    forward('/guarded', port, { policies: [{ csrf: { trustedOrigins: [APP] } }] }),
    forward('/shadow', port, { policies: [{ csrf: {}, shadow: true }] }),
    // So that a script may send and read all that it likes: what stops it then is csrf.
    forward('/', port, {
      policies: [
        { csrf: { trustedOrigins: [APP] } },
        {
          cors: {
            origins: [APP, SIBLING, EVIL],
            methods: ['GET', 'POST', 'PUT'],
            headers: ['*'],
            credentials: true,
          },
        },
      ],
    }),
  ]);
});
afterAll(() => pages?.stop());
beforeEach(async () => {
  window = await pages.chromium.window();
});
afterEach(() => window.close());

async function open(url: string): Promise<Page> {
  const page = await window.newPage();
  await page.goto(url);
  return page;
}

/** Returns the status that the form led to. */
async function submit(page: Page, action: string, method?: string, ends = action): Promise<number> {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.url().split('?')[0] === ends),
    submitForm(page, action, method),
  ]);
  return answer.status();
}

describe('forms', () => {
  it.each([
    ['the own page', API, 200],
    ['a page that is trusted', APP, 200],
    ['another site', EVIL, 403],
    ['a sibling, which may belong to somebody else', SIBLING, 403],
  ])('of %s', async (what, origin, expected) => {
    const path = `/guarded/form/${what.replaceAll(' ', '-')}`;
    expect(await submit(await open(`${origin}/`), `${API}${path}`)).toBe(expected);
    expect(pages.forwarded(path, 'POST')).toBe(expected === 200 ? 1 : 0);
  });

  it('by GET are links: they change nothing, and pass', async () => {
    expect(await submit(await open(EVIL), `${API}/guarded/search`, 'get')).toBe(200);
  });

  it('of a page without a referrer tell no origin, and are refused by Sec-Fetch-Site', async () => {
    const page = await open(EVIL);
    await hideReferrer(page);
    expect(await submit(page, `${API}/guarded/hidden`)).toBe(403);
    expect(pages.sent('/guarded/hidden')[0]!.headers).toMatchObject({
      origin: 'null',
      'sec-fetch-site': 'cross-site',
    });
  });

  it("of the own page without a referrer pass: Sec-Fetch-Site goes before Origin's null", async () => {
    const page = await open(`${API}/guarded/`);
    await hideReferrer(page);
    expect(await submit(page, `${API}/guarded/own-hidden`)).toBe(200);
    expect(pages.sent('/guarded/own-hidden')[0]!.headers).toMatchObject({
      origin: 'null',
      'sec-fetch-site': 'same-origin',
    });
  });

  it('of a sandboxed frame in the own page are of nobody', async () => {
    const page = await open(`${API}/`);
    const path = '/guarded/sandboxed';
    const html = `<form method=post action="${API}${path}"></form><script>document.forms[0].submit()</script>`;
    await frame(page, 'sandbox', html, false);
    await until(() => pages.sent(path).length > 0, 'the frame has sent its form');
    expect(pages.sent(path)[0]!.headers).toMatchObject({ origin: 'null', 'sec-fetch-site': 'cross-site' });
    expect(pages.forwarded(path)).toBe(0);
  });

  it('that a redirect of another site sends on are refused', async () => {
    // The own page posts to another site, which sends it back: the browser tells over whom it came.
    expect(await submit(await open(`${API}/`), `${EVIL}/jump`, 'post', JUMPS_TO)).toBe(403);
  });
});

describe('scripts', () => {
  it.each([
    ['POST, which needs no preflight', { method: 'POST', body: 'a=1' }],
    ['POST that asks for no CORS', { method: 'POST', mode: 'no-cors' }],
    ['PUT with cookies', { method: 'PUT', credentials: 'include' }],
  ] as const)('%s', async (what, init) => {
    const path = `/script/${what.replaceAll(/\W/g, '-')}`;
    const sent = async (origin: string) =>
      statusOf(await fetchFrom(await open(`${origin}/`), `${API}${path}`, init));
    const opaque = 'mode' in init;
    expect(await sent(EVIL)).toBe(opaque ? 0 : 403);
    expect(await sent(SIBLING)).toBe(opaque ? 0 : 403);
    expect(pages.forwarded(path)).toBe(0);
    expect(await sent(APP)).toBe(opaque ? 0 : 200);
    expect(await sent(API)).toBe(200);
    expect(pages.forwarded(path)).toBe(2);
  });

  it('may look: GET passes from everywhere', async () => {
    expect(statusOf(await fetchFrom(await open(EVIL), `${API}/script/look`))).toBe(200);
  });

  it('beacons are POSTs, too', async () => {
    const page = await open(EVIL);
    await page.evaluate(`navigator.sendBeacon('${API}/guarded/beacon', 'x')`);
    await until(() => pages.sent('/guarded/beacon').length > 0, 'the beacon is sent');
    expect(pages.forwarded('/guarded/beacon')).toBe(0);
  });
});

describe('WebSockets', () => {
  const connect = async (origin: string, path: string) =>
    openSocket(await open(`${origin}/`), `wss://api.app.test${path}`);

  it.each([
    ['the own page', API, 'open'],
    ['a page that is trusted', APP, 'open'],
    ['another site', EVIL, 'refused'],
    ['a sibling', SIBLING, 'refused'],
  ])('of %s', async (what, origin, expected) => {
    const path = `/guarded/socket/${what.replaceAll(' ', '-')}`;
    expect(await connect(origin, path)).toBe(expected);
    expect(pages.forwarded(path)).toBe(expected === 'open' ? 1 : 0);
  });

  it('in shadow mode all of them open', async () => {
    expect(await connect(EVIL, '/shadow/socket')).toBe('open');
  });
});
