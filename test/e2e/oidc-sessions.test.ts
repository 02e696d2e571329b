import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from './support/browser.ts';
import { logIn, SHOP, type Shop, sessionCookies, startShop } from './support/shop-login.ts';
import { sleep, until } from './support/wait.ts';

/** What becomes of a session: refreshes, its end, and a provider that is not there. */

const ACCESS_SECONDS = 4;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop(
    {
      '/': {
        upstream: { accessToken: true, idTokenHeader: 'X-ID-Token' },
        redirectPath: '/cb',
        logoutPath: '/out',
      },
      '/who': { redirectPath: '/who/cb', logoutPath: '/who/out' },
    },
    {
      accessTokenSeconds: ACCESS_SECONDS,
      redirectPaths: ['/cb', '/who/cb'],
      claims: { groups: ['staff'], biography: randomBytes(1500).toString('base64url') },
    },
  );
});
afterAll(() => shop?.stop());

async function loggedIn(path = '/', as = 'alice'): Promise<Browser> {
  const browser = shop.browser();
  const page = await logIn(browser, await browser.visit(SHOP + path), as);
  expect([page.status, page.url.pathname]).toEqual([200, path]);
  return browser;
}

const lastRequest = () => shop.upstream.requests.at(-1)!;

it('the backend gets the tokens, and not what a client makes up', async () => {
  const browser = await loggedIn();
  await browser.fetch(`${SHOP}/a`, { headers: { authorization: 'Bearer forged', 'x-id-token': 'forged' } });
  expect(lastRequest().header('authorization')).toMatch(/^Bearer [\w-]{20,}$/);
  const [, payload] = lastRequest().header('x-id-token')!.split('.');
  expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({ sub: 'alice' });
});

it('a session that is too large for one cookie is in several', async () => {
  const browser = await loggedIn('/who');
  expect(sessionCookies(browser).length).toBeGreaterThan(1);
  expect((await browser.fetch(`${SHOP}/who`)).status).toBe(200);
  const jar = browser.cookies('shop.test');
  jar.delete(sessionCookies(browser)[1]!);
  expect((await browser.fetch(`${SHOP}/who`)).status).toBe(401);
  expect(sessionCookies(browser)).toEqual([]);
});

it('of many requests at once, over all threads, one refreshes the tokens', async () => {
  const browser = await loggedIn();
  await browser.fetch(`${SHOP}/a`);
  const before = lastRequest().header('authorization');
  const asked = shop.provider.count('/token');
  await sleep(ACCESS_SECONDS * 1000 * 0.8);
  const tabs = Array.from({ length: 24 }, () => browser.copy());
  const pages = await Promise.all(tabs.map((tab) => tab.fetch(`${SHOP}/a`)));
  expect(pages.map(({ status }) => status)).toEqual(tabs.map(() => 200));
  expect(shop.provider.count('/token')).toBe(asked + 1);
  const tokens = new Set(shop.upstream.requests.slice(-24).map((request) => request.header('authorization')));
  expect([...tokens]).toEqual([expect.not.stringMatching(before!)]);
  // Each got the new cookie, so none comes with the old one when it counts no longer.
  for (const tab of tabs) expect((await tab.fetch(`${SHOP}/a`)).status).toBe(200);
  expect(shop.provider.count('/token')).toBeLessThanOrEqual(asked + 2);
});

describe('while the provider is away', () => {
  it.each([
    [
      'hangs',
      () => {
        shop.provider.hanging = true;
      },
    ],
    ['is stopped', () => shop.provider.stop()],
  ] as const)(
    'as it %s',
    async (_, leave) => {
      const knows = await loggedIn('/who', 'bob');
      const uses = await loggedIn('/', 'bob');
      await leave();
      await sleep(ACCESS_SECONDS * 1000);
      // Who it is stays proved; a token that is of no use is not passed on; nobody can log in.
      expect((await knows.fetch(`${SHOP}/who`)).status).toBe(200);
      const refused = await uses.fetch(`${SHOP}/a`);
      expect([refused.status, refused.headerLines('retry-after').length]).toEqual([503, 1]);
      if (shop.provider.hanging) shop.provider.hanging = false;
      else await shop.provider.start();
      await until(
        async () => (await uses.fetch(`${SHOP}/a`)).status !== 503,
        'the provider is asked again',
        40_000,
      );
    },
    90_000,
  );

  it('a login that comes back waits for its answer no longer than it may', async () => {
    const browser = shop.browser();
    const form = await browser.visit(`${SHOP}/who`);
    const consent = await browser.submit(form, { login: 'carol', password: 'any' });
    shop.provider.hangsAt = '/token';
    const page = await browser.submit(consent, {});
    shop.provider.hangsAt = null;
    expect([page.status, page.url.pathname]).toEqual([503, '/who/cb']);
    expect(sessionCookies(browser)).toEqual([]);
  });
});

it('whoever has no account any more is out with the next refresh', async () => {
  const browser = await loggedIn('/who', 'dave');
  const thief = browser.copy();
  await sleep(ACCESS_SECONDS * 1000 * 0.8);
  expect((await browser.fetch(`${SHOP}/who`)).status).toBe(200);
  shop.provider.removed.add('dave');
  await sleep(ACCESS_SECONDS * 1000 * 0.8);
  for (const one of [browser, thief]) expect((await one.fetch(`${SHOP}/who`)).status).toBe(401);
  expect(sessionCookies(browser)).toEqual([]);
});

it('keys that the provider has changed', async () => {
  await shop.provider.changeKeys();
  await loggedIn('/who', 'erin');
});

it('a gateway that starts before its provider lets people log in once it is there', async () => {
  const early = await startShop({ '/': {} }, { startsStopped: true, threads: 1 });
  try {
    const browser = early.browser();
    expect((await browser.visit(SHOP)).status).toBe(503);
    await early.provider.start();
    await until(async () => (await browser.visit(SHOP)).status === 200, 'the provider was found', 40_000);
    expect((await logIn(browser, await browser.visit(`${SHOP}/x`))).url.pathname).toBe('/x');
  } finally {
    await early.stop();
  }
});
