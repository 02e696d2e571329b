import { randomBytes } from 'node:crypto';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Chromium } from './support/chromium.ts';
import { SHOP, type Shop, startShop } from './support/shop-login.ts';
import { answering } from './support/upstream.ts';

/** A login with a real browser: what it does with cookies, redirects and forms is not written by us. */

let shop: Shop;
let chromium: Chromium;
let window: BrowserContext;
let page: Page;

beforeAll(async () => {
  shop = await startShop({ '/': {} }, { claims: { biography: randomBytes(1350).toString('base64url') } });
  shop.upstream.script = answering('<title>shop</title>the shop', 'Content-Type: text/html');
  chromium = await Chromium.start(shop.gateway.port, ['shop.test']);
});
afterAll(async () => {
  await chromium?.stop();
  await shop?.stop();
});
beforeEach(async () => {
  window = await chromium.window();
  page = await window.newPage();
});
afterEach(() => window.close());

async function fillIn(on: Page, as: string): Promise<void> {
  await on.fill('input[name=login]', as);
  await on.fill('input[name=password]', 'any');
  const form = on.url();
  await on.click('button[type=submit]');
  await on.waitForURL((url) => url.href !== form);
  // Who has agreed before is not asked again.
  if (on.url().includes('/interaction/')) await on.click('button[type=submit]');
  await on.waitForURL(`${SHOP}/**`);
}

/** Without those of logins that are over, by which their callbacks are known for a few minutes. */
const sessionCookies = async () =>
  (await window.cookies(SHOP)).filter(
    ({ name }) => name.startsWith('__Host-portreeve-') && !name.includes('-login-'),
  );

const fetchStatus = (path: string) => page.evaluate(async (where) => (await fetch(where)).status, path);

it('people come in, stay, and go', async () => {
  await page.goto(`${SHOP}/orders?page=2#top`);
  expect(page.url()).toContain(shop.provider.issuer);
  await fillIn(page, 'alice');
  expect([page.url().split('#')[0], await page.title()]).toEqual([`${SHOP}/orders?page=2`, 'shop']);
  const named = await sessionCookies();
  // The claims are large: the session is in several cookies.
  expect(named.length).toBeGreaterThan(1);
  for (const { httpOnly, secure, sameSite, path } of named) {
    expect({ httpOnly, secure, sameSite, path }).toEqual({
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
      path: '/',
    });
  }
  expect(await page.evaluate('document.cookie')).toBe('');
  expect(await fetchStatus('/data')).toBe(200);
  await page.reload();
  expect(await page.title()).toBe('shop');
  await page.goto(`${SHOP}/oauth2/logout`);
  await page.click('button[value=yes]');
  await page.waitForURL(`${SHOP}/bye`);
  expect(await sessionCookies()).toEqual([]);
  expect(await fetchStatus('/data')).toBe(401);
  await page.goto(SHOP);
  expect(page.url()).toContain('/interaction/');
});

it('in two tabs at once', async () => {
  const other = await window.newPage();
  await page.goto(`${SHOP}/first`);
  await other.goto(`${SHOP}/second`);
  await fillIn(other, 'bob');
  expect(other.url()).toBe(`${SHOP}/second`);
  await fillIn(page, 'bob');
  expect(page.url()).toBe(`${SHOP}/first`);
});

it('a cookie that was changed leads back to the login, once', async () => {
  await page.goto(SHOP);
  await fillIn(page, 'carol');
  const [first, ...others] = await sessionCookies();
  await window.clearCookies({ name: first!.name });
  await window.addCookies([{ ...first!, value: first!.value.replace(/.{8}$/, 'AAAAAAAA') }, ...others]);
  expect(await fetchStatus('/data')).toBe(401);
  await page.goto(`${SHOP}/again`);
  // The provider still knows her.
  await page.waitForURL(`${SHOP}/again`);
  expect(await page.title()).toBe('shop');
});
