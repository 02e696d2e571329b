import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Browser } from './support/browser.ts';
import {
  detailOf,
  logIn,
  loginCookies,
  loginSecrets,
  SESSION_KEY,
  SHOP,
  type Shop,
  sessionCookies,
  startShop,
} from './support/shop-login.ts';
import { until } from './support/wait.ts';

/** Login at a real OpenID provider, driven as people do it: with a browser's cookies, redirects and forms. */

const CALLBACK = `${SHOP}/oauth2/callback`;
const NEW_KEY = 'a new key for the sessions of this test!';

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await startShop({ '/': {} }, { claims: { groups: ['staff', 'buyers'] } });
});
afterAll(() => shop?.stop());
beforeEach(() => {
  browser = shop.browser();
});

const loggedIn = async (as = 'alice', path = '/') => logIn(browser, await browser.visit(SHOP + path), as);
const lastRequest = () => shop.upstream.requests.at(-1)!;

describe('a login', () => {
  it('leads to the provider and back to the page that was asked for', async () => {
    const form = await browser.visit(`${SHOP}/orders//1?a=b&c=%2F`);
    expect(form.url.href).toContain(shop.provider.issuer);
    const page = await logIn(browser, form);
    expect([page.status, page.body, page.url.href]).toEqual([200, 'the shop', `${SHOP}/orders//1?a=b&c=%2F`]);
    expect(lastRequest().target).toBe('/orders/1?a=b&c=%2F');
  });

  it('asks with PKCE, state and nonce, and for this host', async () => {
    const [location] = (await browser.visit(SHOP, { stay: true })).headerLines('location');
    const asked = new URL(location!).searchParams;
    expect(asked.get('redirect_uri')).toBe(CALLBACK);
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('scope')).toBe('openid profile email shop');
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
  });

  it('is kept in cookies that no script can read and no other host can set', async () => {
    await loggedIn();
    expect(sessionCookies(browser)).toEqual([expect.stringMatching(/^__Host-portreeve-[0-9a-f]{8}$/)]);
    await browser.visit(SHOP);
    expect(lastRequest().header('cookie')).toBeNull();
  });

  it('leaves other cookies to the backend', async () => {
    await loggedIn();
    browser.cookies('shop.test').set('basket', '42');
    await browser.visit(SHOP);
    expect(lastRequest().header('cookie')).toBe('basket=42');
  });

  it('works in several tabs at once, in any order', async () => {
    const first = await browser.visit(`${SHOP}/first`);
    const second = await browser.visit(`${SHOP}/second`);
    expect(loginCookies(browser)).toHaveLength(2);
    expect((await logIn(browser, second)).url.pathname).toBe('/second');
    expect((await logIn(browser, first)).url.pathname).toBe('/first');
  });

  it('that is begun over and over leaves no more than a few cookies', async () => {
    for (let i = 0; i < 8; i++) await browser.visit(`${SHOP}/${i}`, { stay: true });
    expect(loginCookies(browser)).toHaveLength(4);
  });

  it('that somebody breaks off says so', async () => {
    const form = await browser.visit(SHOP);
    const abort = /href="([^"]+abort)"/.exec(form.body)![1]!;
    const page = await browser.visit(new URL(abort, form.url));
    expect([page.status, page.url.pathname, detailOf(page)]).toEqual([
      403,
      '/oauth2/callback',
      'The identity provider refused the login: access_denied.',
    ]);
    expect(sessionCookies(browser)).toEqual([]);
  });

  it('leads nowhere else, whatever path was asked for', async () => {
    for (const path of ['//evil.test/', '/\\evil.test', '//evil.test/%2e%2e']) {
      browser = shop.browser();
      expect((await logIn(browser, await browser.visit(`${SHOP}/${path}`))).url.origin).toBe(SHOP);
      const [location] = (await shop.browser().visit(SHOP, { stay: true })).headerLines('location');
      expect(location).toMatch(new RegExp(`^${shop.provider.issuer}/`));
    }
  });
});

describe('who does not look at a page gets 401, and no login is begun', () => {
  it.each<[string, Record<string, string>]>([
    ['a script', { 'sec-fetch-mode': 'cors' }],
    ['an image', { 'sec-fetch-mode': 'no-cors' }],
    ['a WebSocket', { 'sec-fetch-mode': 'websocket' }],
    ['what is fetched ahead', { 'sec-fetch-mode': 'navigate', 'sec-purpose': 'prefetch' }],
  ])('%s', async (_, headers) => {
    const page = await browser.fetch(`${SHOP}/data`, { headers });
    expect(page.status).toBe(401);
    expect(page.headerLines('www-authenticate')).toHaveLength(1);
    expect(page.headerLines('set-cookie')).toEqual([]);
  });
});

it('a form that was sent leads back to its page, not to a form without what was in it', async () => {
  const headers = { referer: `${SHOP}/basket?x=1`, 'content-type': 'text/plain' };
  const form = await browser.visit(`${SHOP}/buy`, { method: 'POST', body: 'a=b', headers });
  expect((await logIn(browser, form)).url.href).toBe(`${SHOP}/basket?x=1`);
});

it('by plain HTTP nobody logs in, and the operator is told why', async () => {
  const page = await browser.visit(`http://127.0.0.1:${shop.gateway.port}/`);
  expect([page.status, detailOf(page)]).toEqual([403, 'Logging in needs HTTPS.']);
  await until(() => shop.gateway.log.includes('X-Forwarded-Proto'), 'the log says so');
});

describe('a session that is not what we gave', () => {
  const spoil: Record<string, (value: string) => string> = {
    'changed in the middle': (value) =>
      value.slice(0, 60) + (value[60] === 'A' ? 'B' : 'A') + value.slice(61),
    'changed in its tag': (value) =>
      value.slice(0, -3) + (value.at(-3) === 'A' ? 'B' : 'A') + value.slice(-2),
    'of another key': (value) => `1.AAAA${value.slice(6)}`,
    short: (value) => value.slice(0, 20),
    'without its beginning': (value) => value.slice(2),
    'of nine parts': (value) => `9${value.slice(1)}`,
    empty: () => '',
  };
  it.each(Object.keys(spoil))('%s: is none, and is taken back', async (how) => {
    await loggedIn();
    const [name] = sessionCookies(browser);
    const jar = browser.cookies('shop.test');
    jar.set(name!, spoil[how]!(jar.get(name!)!));
    expect((await browser.fetch(`${SHOP}/data`)).status).toBe(401);
    expect(sessionCookies(browser)).toEqual([]);
  });

  it('a login cookie is no session', async () => {
    await browser.visit(SHOP, { stay: true });
    const jar = browser.cookies('shop.test');
    const [login] = loginCookies(browser);
    jar.set(login!.replace(/-login-.*/, ''), `1.${jar.get(login!)}`);
    expect((await browser.fetch(`${SHOP}/data`)).status).toBe(401);
  });
});

describe('a callback that does not fit', () => {
  it.each([
    ['no state', ''],
    ['a state of nobody', `?code=abc&state=${'A'.repeat(43)}`],
    ['something else', '?state[]=a&code=%00'],
  ])('%s', async (_, query) => {
    expect((await browser.visit(CALLBACK + query)).status).toBe(400);
  });

  it('in another browser: nobody can be made to log in as somebody else', async () => {
    await loggedIn();
    const callback = browser.history.find((one) => one.includes('/oauth2/callback'))!.slice('GET '.length);
    const other = shop.browser();
    expect((await other.visit(callback)).status).toBe(400);
    expect(sessionCookies(other)).toEqual([]);
  });

  it('the code of one login with the state of another', async () => {
    const first = await browser.visit(`${SHOP}/first`, { stay: true });
    const state = new URL(first.headerLines('location')[0]!).searchParams.get('state')!;
    const thief = shop.browser();
    await thief.visit(`${SHOP}/second`).then((form) => logIn(thief, form, 'mallory'));
    const stolen = new URL(
      thief.history.find((one) => one.includes('/oauth2/callback'))!.slice('GET '.length),
    );
    stolen.searchParams.set('state', state);
    const page = await browser.visit(stolen);
    expect([page.body.includes('password'), sessionCookies(browser)]).toEqual([true, []]);
    // The provider goes on refusing: nobody is led around for ever.
    const state2 = new URL(browser.history.findLast((one) => one.includes('/auth?'))!.slice(4)).searchParams;
    stolen.searchParams.set('state', state2.get('state')!);
    const end = await browser.visit(stolen);
    expect([end.status, sessionCookies(browser), loginCookies(browser)]).toEqual([403, [], []]);
  });

  it('of another issuer (RFC 9207)', async () => {
    const page = await browser.visit(SHOP, { stay: true });
    const state = new URL(page.headerLines('location')[0]!).searchParams.get('state')!;
    const back = await browser.visit(`${CALLBACK}?code=abc&state=${state}&iss=https%3A%2F%2Fevil.test`);
    expect([back.status, detailOf(back)]).toEqual([403, 'The login failed.']);
  });

  it('by POST', async () => {
    expect((await browser.visit(CALLBACK, { method: 'POST', body: 'code=a' })).status).toBe(405);
  });
});

describe('a callback that comes twice', () => {
  const callbackOf = (one: Browser) =>
    one.history.find((line) => line.includes('/oauth2/callback'))!.slice('GET '.length);

  it('leads to the page again for who is in, by the back button or long after', async () => {
    await loggedIn('alice', '/orders?a=b');
    const tokens = shop.provider.count('/token');
    const page = await browser.visit(callbackOf(browser));
    expect([page.status, page.url.href]).toEqual([200, `${SHOP}/orders?a=b`]);
    for (const name of loginCookies(browser)) browser.cookies('shop.test').delete(name);
    const late = await browser.visit(callbackOf(browser));
    expect([late.status, late.url.href]).toEqual([200, `${SHOP}/`]);
    expect(shop.provider.count('/token')).toBe(tokens);
  });

  it('leads to a new login for who is out by then', async () => {
    await loggedIn('alice', '/orders');
    for (const name of sessionCookies(browser)) browser.cookies('shop.test').delete(name);
    const page = await browser.visit(callbackOf(browser));
    // The provider still knows them.
    expect([page.status, page.url.href]).toEqual([200, `${SHOP}/orders`]);
    expect(sessionCookies(browser)).toHaveLength(1);
  });

  it('whose first answer was lost ends on the page, and its code is traded once', async () => {
    const form = await browser.visit(`${SHOP}/orders`);
    const consent = await browser.submit(form, { login: 'alice', password: 'any' });
    const tokens = shop.provider.count('/token');
    const before = [...browser.cookies('shop.test')];
    const first = await browser.submit(consent, {});
    expect([first.status, first.url.pathname]).toEqual([200, '/orders']);
    // Its answer was lost: the browser asks again with what it had.
    const other = browser.copy();
    other.cookies('shop.test').clear();
    for (const [name, value] of before) other.cookies('shop.test').set(name, value);
    const again = await other.visit(callbackOf(browser));
    expect([again.status, again.url.pathname]).toEqual([200, '/orders']);
    expect(shop.provider.count('/token')).toBe(tokens + 2);
    // What the first click got was not taken back for a theft.
    expect((await browser.fetch(`${SHOP}/data`)).status).toBe(200);
  });
});

describe('logging out', () => {
  it('ends the session here and at the provider', async () => {
    await loggedIn();
    const thief = browser.copy();
    const question = await browser.visit(`${SHOP}/oauth2/logout`);
    expect(question.url.href).toContain(`${shop.provider.issuer}/session/end`);
    expect(sessionCookies(browser)).toEqual([]);
    const bye = await browser.submit(question, { logout: 'yes' });
    expect([bye.url.href, bye.body]).toEqual([`${SHOP}/bye`, 'bye']);
    expect((await thief.fetch(`${SHOP}/data`)).status).toBe(401);
    expect((await browser.visit(SHOP)).body).toContain('password');
  });

  it('without a session leads away', async () => {
    expect((await browser.visit(`${SHOP}/oauth2/logout`)).url.href).toBe(`${SHOP}/bye`);
  });

  it('is not for other sites to do', async () => {
    await loggedIn();
    const page = await browser.visit(`${SHOP}/oauth2/logout`, {
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect(page.status).toBe(403);
    expect((await browser.visit(SHOP)).status).toBe(200);
  });
});

it('what is changed of the keys leaves those in who were sealed with an old one', async () => {
  await loggedIn();
  const before = await shop.gateway.generation();
  shop.gateway.write('secrets.yaml', loginSecrets(`${NEW_KEY}\n${SESSION_KEY}\n`));
  await until(async () => (await shop.gateway.generation()) > before, 'the new keys are there');
  expect((await browser.visit(SHOP)).status).toBe(200);
  const fresh = shop.browser();
  await logIn(fresh, await fresh.visit(SHOP), 'bob');
  const then = await shop.gateway.generation();
  shop.gateway.write('secrets.yaml', loginSecrets(NEW_KEY));
  await until(async () => (await shop.gateway.generation()) > then, 'the old key is gone');
  expect((await fresh.visit(SHOP)).status).toBe(200);
  expect((await browser.fetch(`${SHOP}/data`)).status).toBe(401);
});
