import { stringify } from 'yaml';
import { Browser, type Page } from './browser.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { CLIENT, OpenidProviderServer, type ProviderOptions } from './openid-provider.ts';
import { forward, prefix, route } from './resources.ts';
import { answering, RecordingUpstream } from './upstream.ts';

/** A shop that needs a login, its provider and its backend. */

export const SHOP = 'https://shop.test';
export const SESSION_KEY = 'a key for the sessions of this test, long';

export interface Shop {
  readonly provider: OpenidProviderServer;
  readonly upstream: RecordingUpstream;
  readonly gateway: Gateway;
  browser(): Browser;
  stop(): Promise<void>;
}

export function loginSecrets(keys: string): string {
  const secret = (name: string, stringData: Record<string, string>) =>
    stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, stringData });
  return [secret('client', { 'client-secret': CLIENT.secret }), secret('sessions', { keys })].join('---\n');
}

/** @param rules policies `oidc` by the path of their rule, as far as they are not like every one here */
export async function startShop(
  rules: Readonly<Record<string, Record<string, unknown>>>,
  options: Partial<ProviderOptions> & {
    readonly threads?: number;
    readonly settings?: Record<string, unknown>;
  } = {},
): Promise<Shop> {
  const { threads = 2, settings, ...more } = options;
  const provider = await OpenidProviderServer.start({ origin: SHOP, ...more });
  const upstream = await RecordingUpstream.start(answering('the shop'));
  const members = Object.entries(rules).map(([path, own], i) => ({
    name: `members-${i}`,
    ...forward(path, upstream.port),
    policies: [{ oidc: { ...common(provider), ...own } }],
  }));
  const open = { name: 'open', ...prefix('/bye'), respond: { status: 200, body: 'bye' } };
  const gateway = await startGateway({
    files: { 'route.yaml': route('shop', [open, ...members]), 'secrets.yaml': loginSecrets(SESSION_KEY) },
    settings: { trustedProxies: ['127.0.0.1/32'], ...settings },
    threads,
  });
  return {
    ...{ provider, upstream, gateway },
    browser: () => new Browser({ 'shop.test': gateway.port }),
    async stop() {
      await gateway.stop();
      await upstream.stop();
      await provider.stop();
    },
  };
}

function common(provider: OpenidProviderServer): Record<string, unknown> {
  return {
    issuer: provider.issuer,
    client: { id: CLIENT.id, secretRef: { name: 'client' } },
    session: { secretRef: { name: 'sessions' } },
    scopes: ['openid', 'profile', 'email', 'shop'],
    allowHttp: ['provider'],
    afterLogout: '/bye',
    timeout: '3s',
  };
}

/** From the provider's form for the password to where it leads. */
export async function logIn(browser: Browser, at: Page, as = 'alice'): Promise<Page> {
  const consent = await browser.submit(at, { login: as, password: 'any' });
  return consent.body.includes('value="consent"') ? browser.submit(consent, {}) : consent;
}

export function detailOf(page: Page): string {
  return (JSON.parse(page.body) as { detail: string }).detail;
}

/** Names of cookies of the shop. */
export function sessionCookies(browser: Browser): readonly string[] {
  return [...browser.cookies('shop.test').keys()].filter((name) => !name.includes('-login-'));
}

export function loginCookies(browser: Browser): readonly string[] {
  return [...browser.cookies('shop.test').keys()].filter((name) => name.includes('-login-'));
}
