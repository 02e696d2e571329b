import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { CompiledRule } from '../../compile/table.ts';
import { outboundClient } from '../../outbound/client.ts';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { authenticate } from '../authenticate.ts';
import { basic } from '../basic/index.ts';
import { jwt } from '../jwt/index.ts';
import { bindPoliciesWith, exchange, type TestAnswer, type TestRequest, testStep } from '../testing.ts';
import { oidc } from './index.ts';
import { Seal } from './seal.ts';
import { type Session, sealSession } from './session.ts';

/** Sessions without a provider: nobody listens at its address. Logins are in `test/e2e/oidc.test.ts`. */

const ISSUER = 'https://127.0.0.1:9/realm';
const KEY = 'a key that has more than 32 characters';
const SECRETS = { 'sessions/keys': KEY, 'client/client-secret': 'the secret' };
const PURPOSE = `session\n${ISSUER}\nshop`;
const CONFIG = {
  issuer: ISSUER,
  client: { id: 'shop', secretRef: { name: 'client' } },
  session: { secretRef: { name: 'sessions' }, idle: '1h', absolute: '10h' },
};

let seen: Identity | undefined;
const probe = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

const bound: CompiledRule<string>[] = [];
afterEach(async () => {
  for (const rule of bound.splice(0)) for (const { policy } of rule.onRequest ?? []) policy.close?.();
  await outboundClient({ allowLoopback: true, allowLinkLocal: false }).close();
});

function rule(more: Record<string, unknown> = {}): CompiledRule<string> {
  seen = undefined;
  const made = bindPoliciesWith({ secrets: SECRETS }, [oidc, { ...CONFIG, ...more }], [probe, {}]);
  bound.push(made);
  return made;
}

const now = Math.floor(Date.now() / 1000);

function session(more: Partial<Session> = {}): Session {
  const claims = {
    sub: 'alice',
    groups: ['staff', 'buyers'],
    realm_access: { roles: ['admin'] },
    email: 'a@shop.test',
  };
  const tokens = { accessToken: null, accessUntil: null, refreshAt: null, refreshToken: null, idToken: null };
  return { id: 'one', version: 0, startedAt: now - 10, seenAt: now, claims, ...tokens, ...more };
}

/** The name depends on issuer and client only. */
let cookieName = '';
async function nameOfCookie(): Promise<string> {
  if (cookieName === '') {
    const refused = await exchange(rule(), { lines: ['Cookie: x'] });
    expect(refused.status).toBe(401);
    const { createHash } = await import('node:crypto');
    cookieName = `__Host-portreeve-${createHash('sha256').update(`${ISSUER}\nshop`).digest('hex').slice(0, 8)}`;
  }
  return cookieName;
}

async function send(
  to: CompiledRule<string>,
  of: Session | string,
  sent: TestRequest = {},
  answer: TestAnswer = {},
) {
  const value = typeof of === 'string' ? of : `1.${sealSession(of, new Seal(KEY), PURPOSE)}`;
  const lines = [...(sent.lines ?? []), `Cookie: a=1; ${await nameOfCookie()}=${value}; b=2`];
  return exchange(to, { scheme: 'https', ...sent, lines }, answer);
}

const setCookies = ({ lines }: { readonly lines: readonly string[] }) =>
  lines.filter((line) => line.startsWith('set-cookie'));

describe('a session', () => {
  test('tells who it is, and reaches no backend', async () => {
    const outcome = await send(rule({ roles: ['/realm_access/roles'] }), session());
    expect(outcome.status).toBe(200);
    expect(seen).toMatchObject({
      user: 'alice',
      groups: ['staff', 'buyers'],
      roles: ['admin'],
      schemes: ['oidc'],
      claims: { email: 'a@shop.test' },
    });
    expect(outcome.forwarded).toContain('cookie: a=1; b=2');
    expect(setCookies(outcome)).toEqual([]);
  });

  test('is known by another claim where that is asked for', async () => {
    await send(rule({ user: 'email' }), session());
    expect(seen?.user).toBe('a@shop.test');
  });

  test.each([
    ['not used for too long', { seenAt: now - 3601, startedAt: now - 7000 }],
    ['older than any may be', { startedAt: now - 36_001 }],
  ])('%s is over', async (_, more) => {
    const outcome = await send(rule(), session(more));
    expect(outcome.status).toBe(401);
    expect(setCookies(outcome)).toEqual([
      `set-cookie: ${cookieName}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure`,
    ]);
  });

  test('that is used lives on, but not for ever', async () => {
    const outcome = await send(rule(), session({ seenAt: now - 200, startedAt: now - 35_000 }));
    const [line] = setCookies(outcome);
    const [, value, maxAge] = /=1\.([\w-]+); Max-Age=(\d+); /.exec(line!)!;
    expect(Number(maxAge)).toBeGreaterThan(900);
    expect(Number(maxAge)).toBeLessThanOrEqual(1000);
    const kept = JSON.parse(new Seal(KEY).open(value!, PURPOSE)!) as Session;
    expect(kept.seenAt).toBeGreaterThanOrEqual(now);
    expect(outcome.header('cache-control')).toBe('private');
  });

  test('of another client of the same keys does not count', async () => {
    const stranger = sealSession(session(), new Seal(KEY), `session\n${ISSUER}\nother`);
    expect((await send(rule(), `1.${stranger}`)).status).toBe(401);
  });

  test('that is over lets nobody in where a login is optional', async () => {
    const outcome = await send(rule({ optional: true }), session({ seenAt: now - 4000 }));
    expect([outcome.status, seen?.schemes]).toEqual([200, []]);
    expect(setCookies(outcome)).toHaveLength(1);
  });
});

test.each([
  ['public, max-age=60, s-maxage=600', 'private, max-age=60'],
  ['private, max-age=60', 'private, max-age=60'],
  ['no-store', 'no-store'],
])('what goes out with a cookie is for nobody else: %s becomes %s', async (told, kept) => {
  const answer = { lines: [`Cache-Control: ${told}`] };
  const outcome = await send(rule(), session({ seenAt: now - 200 }), {}, answer);
  expect(outcome.header('cache-control')).toBe(kept);
});

describe('tokens', () => {
  const upstream = { accessToken: true, idTokenHeader: 'X-ID' };
  const tokens = { accessToken: 'the token', accessUntil: now + 100, refreshAt: now + 90, idToken: 'id' };

  test('go to the backend where that is asked for', async () => {
    const outcome = await send(rule({ upstream }), session(tokens), { lines: ['X-ID: forged'] });
    expect(outcome.forwarded).toContain('authorization: Bearer the token');
    expect(outcome.forwarded!.filter((line) => line.startsWith('x-id'))).toEqual(['x-id: id']);
  });

  test('made-up ones do not, of nobody either', async () => {
    const lines = ['X-ID: forged', 'Authorization: Bearer forged', 'A: b'];
    const outcome = await exchange(rule({ upstream, optional: true }), { lines });
    expect([outcome.status, outcome.forwarded]).toEqual([200, ['host: shop.test', 'a: b']]);
    expect((await send(rule({ upstream }), session(), { lines })).forwarded).not.toContain(lines[1]);
    const kept = await exchange(rule({ optional: true }), { lines });
    expect(kept.forwarded).toContain('authorization: Bearer forged');
  });

  describe('beside another way to authenticate', () => {
    const jwtSecret = 'a secret of 32 characters or more';
    const token = (key: string) => {
      const signed = [{ alg: 'HS256' }, { sub: 'ann', exp: now + 300 }]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
    };
    const members = [
      { oidc: { ...CONFIG, upstream } },
      { jwt: { keys: [{ secretRef: { name: 'jwt' } }] } },
      { basic: { htpasswd: { secretRef: { name: 'users' } }, keep: true } },
    ];
    const secrets = {
      ...SECRETS,
      'jwt/secret': jwtSecret,
      'users/auth': 'a:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=',
    };
    const any = async (authorization: string) => {
      const made = bindPoliciesWith({ secrets }, [
        authenticate([oidc, jwt, basic]),
        { anyOf: members, anonymous: true },
      ]);
      bound.push(made);
      const { status, forwarded } = await exchange(made, { lines: [`Authorization: ${authorization}`] });
      return [status, forwarded?.filter((line) => line.startsWith('authorization')) ?? null];
    };

    test('what that has proved is spared, what nobody has is not', async () => {
      const good = `Bearer ${token(jwtSecret)}`;
      expect(await any(good)).toEqual([200, [`authorization: ${good}`]]);
      expect(await any(`Bearer ${token('another secret of 32 characters..')}`)).toEqual([401, null]);
      expect(await any('Digest username="a"')).toEqual([200, []]);
    });
  });

  test('that count no longer, and can not be refreshed, end the session', async () => {
    const old = session({ ...tokens, accessUntil: now - 1, refreshAt: now - 10 });
    expect((await send(rule({ upstream }), old)).status).toBe(401);
    expect((await send(rule(), old)).status).toBe(200);
  });

  test('that can not be refreshed for the moment: the session goes on, the token does not', async () => {
    const old = session({ ...tokens, accessUntil: now - 1, refreshAt: now - 10, refreshToken: 'r' });
    const outcome = await send(rule({ upstream }), { ...old, id: 'two' });
    expect([outcome.status, outcome.header('retry-after')]).toEqual([503, '5']);
    expect((await send(rule(), { ...old, id: 'three' })).status).toBe(200);
  });
});

test('a login that can not begin says so, and when to come again', async () => {
  const lines = ['Sec-Fetch-Mode: navigate'];
  const outcome = await exchange(rule(), { scheme: 'https', lines });
  expect([outcome.status, outcome.header('retry-after')]).toEqual([503, '5']);
});

test.each<[string, string[], number]>([
  ['a browser', ['Sec-Fetch-Mode: navigate'], 503],
  ['an older browser', ['Accept: text/html,application/xhtml+xml'], 503],
  ['a script of an older browser', ['Accept: text/html', 'X-Requested-With: XMLHttpRequest'], 401],
  ['a program', ['Accept: */*'], 401],
  ['a script', ['Sec-Fetch-Mode: cors', 'Accept: text/html'], 401],
])('%s is led to a login, or not: %j', async (_, lines, status) => {
  expect((await exchange(rule(), { scheme: 'https', lines })).status).toBe(status);
});

test('plain HTTP: only where a trusted proxy says that it was HTTPS, or it is allowed', async () => {
  const lines = ['Sec-Fetch-Mode: navigate'];
  expect((await exchange(rule(), { lines })).status).toBe(403);
  const forwarded = [...lines, 'X-Forwarded-Proto: https'];
  expect((await exchange(rule(), { lines: forwarded })).status).toBe(403);
  expect((await exchange(rule(), { lines: forwarded, trusted: true })).status).toBe(503);
  expect((await exchange(rule({ allowHttp: ['browsers'] }), { lines })).status).toBe(503);
});

test.each<[Record<string, unknown>, string]>([
  [{ issuer: 'http://login.test' }, 'allowHttp: [provider]'],
  [{ issuer: 'https://login.test?x' }, 'issuer'],
  [{ scopes: ['profile'] }, 'scopes must include openid'],
  [{ redirectPath: '/a', logoutPath: '/a' }, 'must differ'],
  [{ redirectPath: '/a?b' }, 'redirectPath'],
  [{ parameters: [{ name: 'state', value: 'x' }] }, 'set by the gateway'],
  [{ session: { secretRef: { name: 'gone' } } }, 'session.secretRef'],
  [{ session: { secretRef: { name: 'client', key: 'client-secret' } } }, 'it needs 32 or more'],
])('%j is refused', (more, reason) => {
  expect(() => rule(more)).toThrow(reason);
});

test('chunks that a session needs no longer are taken back', async () => {
  const name = await nameOfCookie();
  const sealed = sealSession(session({ seenAt: now - 300 }), new Seal(KEY), PURPOSE);
  const more = `Cookie: ${name}.1=${sealed.slice(100)}`;
  const outcome = await send(rule(), `2.${sealed.slice(0, 100)}`, { lines: [more] });
  expect(outcome.status).toBe(200);
  expect(setCookies(outcome).map((line) => line.slice(12).split('=')[0])).toEqual([name, `${name}.1`]);
  expect(setCookies(outcome)[1]).toContain('Max-Age=0');
});

describe('a session that grows', () => {
  const random = (chars: number) => randomBytes(chars).toString('base64url').slice(0, chars);
  const touched = { seenAt: now - 300 };
  const sent = async (more: Partial<Session>, config = {}) =>
    setCookies(await send(rule(config), session({ ...touched, ...more })));
  /** What the browser keeps, and sends from then on. */
  const lineOf = (cookies: readonly string[]) =>
    cookies.map((line) => line.slice(12).split(';')[0]).join('; ');
  const open = (cookies: readonly string[]) => {
    const value = cookies
      .map((line) =>
        line
          .slice(12)
          .split(';')[0]!
          .replace(/^[^=]*=/, ''),
      )
      .join('');
    return JSON.parse(new Seal(KEY).open(value.slice(2), PURPOSE)!) as Session;
  };

  test('is in one cookie that browsers keep, then in two, of which proxies in front take the line', async () => {
    for (const [chars, count] of [
      [3000, 1],
      [6500, 2],
    ] as const) {
      const cookies = await sent({ refreshToken: random(chars) });
      expect(cookies).toHaveLength(count);
      for (const line of cookies) expect(line.length - 'set-cookie: '.length).toBeLessThanOrEqual(4096);
      expect(`Cookie: ${lineOf(cookies)}`.length).toBeLessThan(8192);
      expect(open(cookies).refreshToken).toHaveLength(chars);
    }
  });

  test('gives up the ID token where it is only for the logout', async () => {
    const big = { idToken: random(5000), refreshToken: random(3000) };
    expect(open(await sent(big))).toMatchObject({ idToken: null, refreshToken: big.refreshToken });
    expect(lineOf(await sent(big, { upstream: { idTokenHeader: 'X-ID' } }))).toMatch(/=$/);
  });

  test('too large: ends, and the operator is told what takes the room, not what it is', async () => {
    const told: string[] = [];
    const refreshToken = random(9000);
    const env = { log: (_: string, message: string) => void told.push(message) };
    const made = bindPoliciesWith({ secrets: SECRETS, env }, [oidc, { ...CONFIG, timeout: '4s' }]);
    bound.push(made);
    const cookies = setCookies(await send(made, session({ ...touched, refreshToken })));
    expect(cookies).toEqual([expect.stringContaining('Max-Age=0')]);
    expect(told.join()).toMatch(/a session ends: .* claims \d+, refresh token 9000\)/);
    expect(told.join()).not.toContain(refreshToken.slice(0, 20));
  });
});
