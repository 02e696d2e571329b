import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import { endless, type Handler, hanging, json, TestProvider } from '../../src/outbound/testing.ts';
import { base64url, pairOf, SECRET, tokenOf } from '../../src/policies/jwt/testing.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf, type ParsedResponse } from './support/http-text.ts';
import { JWT_API, OPAQUE_API, OpenIdProvider } from './support/provider.ts';
import { get } from './support/raw-client.ts';
import { RedisProcess } from './support/redis.ts';
import { forward, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Tokens in a running gateway, with real providers of keys, users and decisions that fail in every way. */

let upstream: RecordingUpstream;
let openId: OpenIdProvider;
let jwks: TestProvider;
let users: TestProvider;
let redis: RedisProcess;
let gateway: Gateway;

/** What the provider of keys does at each path; elsewhere it has one key. */
const behaviour = new Map<string, Handler>();
const FAULTS: readonly [string, Handler][] = [
  ['hangs', hanging],
  ['redirects', json({}, { location: '/other' }, 302)],
  ['answers 500', json({}, {}, 500)],
  ['sends without end', endless],
  ['sends no keys', json({ keys: [] })],
];

const secretDocument = (name: string, data: Record<string, string>): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    stringData: data,
  });
const OTHER_SECRET = `another ${SECRET}`;
const nowS = () => Math.floor(Date.now() / 1000);
const fresh = (claims: object = {}, more: object = {}) =>
  tokenOf({ claims: { exp: nowS() + 300, ...claims }, ...more });

const rsaKey = (kid: string, family: 'rsa' | 'P-256' = 'rsa') => ({
  ...pairOf(family).publicKey.export({ format: 'jwk' }),
  kid,
});
const signed = (kid: string, alg = 'RS256') => fresh({}, { header: { alg, kid } });

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  openId = await OpenIdProvider.start();
  const oneKey = json({ keys: [rsaKey('one')] });
  jwks = await TestProvider.start((request, response) =>
    (behaviour.get(request.url!) ?? oneKey)(request, response),
  );
  behaviour.set('/hang', hanging);
  users = await TestProvider.start(json({ roles: ['editor'] }));
  redis = await RedisProcess.server();
  const rules = (entries: Record<string, object>) =>
    Object.entries(entries).map(([path, policy]) =>
      forward(`/${path}`, upstream.port, { policies: [policy] }),
    );
  const hmac = [{ secretRef: { name: 'token' } }];
  const pem = pairOf('rsa').publicKey.export({ type: 'spki', format: 'pem' });
  gateway = await startGateway({
    threads: 1,
    settings: {
      redis: [{ name: 'users', address: `127.0.0.1:${redis.port}` }],
    },
    files: {
      'secret.yaml': secretDocument('token', { secret: SECRET }),
      'client.yaml': secretDocument('client', { secret: openId.client.secret }),
      'route.yaml': route(
        'all',
        rules({
          secret: { jwt: { keys: hmac, claimsToHeaders: [{ claim: 'sub', header: 'X-User' }] } },
          pem: { jwt: { keys: [{ pem, algorithms: ['RS256'] }] } },
          openid: {
            jwt: {
              keys: [{ jwksUrl: `${openId.url}/jwks`, issuer: openId.url }],
              audiences: [JWT_API],
              typ: 'at+jwt',
            },
          },
          rotating: { jwt: { keys: [{ jwksUrl: `${jwks.url}/rotating`, timeout: '1s' }] } },
          ...Object.fromEntries(
            FAULTS.map((_, i) => [
              `faulty-${i}`,
              { jwt: { keys: [{ jwksUrl: `${jwks.url}/faulty-${i}`, timeout: '1s' }] } },
            ]),
          ),
          kid: { jwt: { keys: [{ jwksUrl: `${jwks.url}/kid` }] } },
          gone: { jwt: { keys: [{ jwksUrl: `${jwks.url}/hang`, timeout: '500ms' }] } },
          metadata: { jwt: { keys: [{ jwksUrl: 'http://169.254.169.254/keys', timeout: '500ms' }] } },
          users: {
            jwt: { keys: hmac, user: { url: `${users.url}/users/{sub}`, redis: { ref: 'users' } } },
          },
          introspected: {
            introspection: {
              url: `${openId.url}/token/introspection`,
              client: { id: openId.client.id, secretRef: { name: 'client' } },
              audiences: [OPAQUE_API],
              cache: '0s',
            },
          },
          hanging: {
            introspection: {
              url: `${jwks.url}/hang`,
              client: { id: 'a', secretRef: { name: 'client' } },
              timeout: '500ms',
            },
          },
          decided: { externalAuthorization: { url: `${users.url}/decide`, upstreamHeaders: ['X-User'] } },
        }),
      ),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstream?.stop(), openId?.stop(), jwks?.stop(), users?.stop(), redis?.stop()]);
});
beforeEach(() => {
  upstream.requests.length = 0;
});

const ask = (path: string, token: string | null, ...lines: string[]): Promise<ParsedResponse> =>
  get(gateway.port, `/${path}`, ...(token === null ? [] : [`Authorization: Bearer ${token}`]), ...lines);
async function outcome(path: string, token: string | null): Promise<string> {
  const { status, body } = await ask(path, token);
  return status === 200 ? 'passed' : `${status} ${(JSON.parse(body) as { detail: string }).detail}`;
}

describe('a secret', () => {
  it('lets good tokens in, again and again, and the backend knows whose they are', async () => {
    const token = fresh();
    for (let i = 0; i < 3; i++) expect((await ask('secret', token, 'X-User: admin')).status).toBe(200);
    expect(upstream.requests.map((request) => request.header('x-user'))).toEqual(['ann', 'ann', 'ann']);
  });

  it('answers the three refusals with their challenge', async () => {
    const expired = fresh({ exp: nowS() - 1 });
    for (const [token, detail, challenge] of [
      [null, 'Missing authentication token', 'Bearer'],
      [expired, 'Token expired', 'Bearer error="invalid_token", error_description="Token expired"'],
      ['x', 'Invalid token', 'Bearer error="invalid_token", error_description="Invalid token"'],
    ] as const) {
      const answer = await ask('secret', token);
      expect([answer.status, headerOf(answer, 'www-authenticate')]).toEqual([401, challenge]);
      expect(JSON.parse(answer.body)).toMatchObject({ status: 401, title: 'Unauthorized', detail });
    }
    expect(upstream.requests).toEqual([]);
  });

  it('that changes takes its tokens with it, also those that were seen', async () => {
    const [before, after] = [fresh(), fresh({}, { key: OTHER_SECRET })];
    expect([await outcome('secret', before), await outcome('secret', after)]).toEqual([
      'passed',
      '401 Invalid token',
    ]);
    gateway.write('secret.yaml', secretDocument('token', { secret: OTHER_SECRET }));
    await until(async () => (await outcome('secret', after)) === 'passed', 'the new secret counts');
    expect(await outcome('secret', before)).toBe('401 Invalid token');
    gateway.write('secret.yaml', secretDocument('token', { secret: SECRET }));
    await until(async () => (await outcome('secret', before)) === 'passed', 'the old secret counts again');
  });
});

describe('bad tokens', () => {
  const pem = pairOf('rsa').publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const unsigned = (alg: string) => `${base64url({ alg })}.${base64url({ sub: 'a', exp: nowS() + 300 })}.`;
  const claims = (text: string) => tokenOf({ claims: text });
  const own = pairOf('P-256');
  const jwk = own.publicKey.export({ format: 'jwk' });
  it.each<[string, string, () => string]>([
    ['alg none', 'secret', () => unsigned('none')],
    ['alg nOnE', 'secret', () => unsigned('nOnE')],
    ['no signature', 'secret', () => unsigned('HS256')],
    ['the RSA public key as a secret', 'pem', () => fresh({}, { key: pem })],
    ['a key of its own', 'pem', () => fresh({}, { header: { alg: 'ES256', jwk }, key: own.privateKey })],
    ['jku', 'pem', () => fresh({}, { header: { jku: 'http://169.254.169.254/' } })],
    ['kid with a path', 'kid', () => signed('../../../../etc/passwd')],
    ['unknown crit', 'secret', () => fresh({}, { header: { crit: ['x'], x: 1 } })],
    ['exp as text', 'secret', () => fresh({ exp: String(nowS() + 300) })],
    ['exp 1e400', 'secret', () => claims('{"sub":"a","exp":1e400}')],
    ['deep JSON', 'secret', () => claims(`{"exp":9e9,"a":${'['.repeat(2000)}${']'.repeat(2000)}}`)],
    ['no exp', 'secret', () => claims('{"sub":"a"}')],
  ])('%s', async (_, path, token) => {
    expect(await outcome(path, token())).toBe('401 Invalid token');
  });
  it('of 1 MB: the head is too large', async () => {
    expect((await ask('secret', 'a'.repeat(1_000_000))).status).toBe(431);
  });
});

describe('an OpenID provider', () => {
  it('issues tokens that are taken by its key set', async () => {
    const token = await openId.token(JWT_API);
    expect(await outcome('openid', token)).toBe('passed');
    expect(await outcome('openid', `${token.slice(0, -6)}AAAAAA`)).toBe('401 Invalid token');
    expect(await outcome('openid', await openId.token(OPAQUE_API))).toBe('401 Invalid token');
  });

  it('tells of opaque tokens, until they are revoked', async () => {
    const token = await openId.token(OPAQUE_API);
    expect(await outcome('introspected', token)).toBe('passed');
    expect(await outcome('introspected', 'made-up')).toBe('401 Invalid token');
    expect(await outcome('introspected', null)).toBe('401 Missing authentication token');
    await openId.revoke(token);
    expect(await outcome('introspected', token)).toBe('401 Invalid token');
  });

  it('that hangs lets nobody in, in its time', async () => {
    expect(await outcome('hanging', 'opaque')).toBe('503 Tokens cannot be checked at the moment.');
  });
});

describe('a key set by URL', () => {
  it('that rotates is fetched once for a key that is not known', async () => {
    const early = signed('one');
    await until(async () => (await outcome('rotating', early)) === 'passed', 'the first key counts');
    behaviour.set('/rotating', json({ keys: [rsaKey('two'), rsaKey('three', 'P-256')] }));
    jwks.asked.length = 0;
    const crowd = Array.from({ length: 50 }, () => outcome('rotating', signed('two')));
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['passed']));
    expect(await outcome('rotating', signed('three', 'ES256'))).toBe('passed');
    // Its key is gone, although it was seen before.
    expect(await outcome('rotating', early)).toBe('401 Invalid token');
    for (let i = 0; i < 20; i++)
      expect(await outcome('rotating', signed(`made-up-${i}`))).toBe('401 Invalid token');
    expect(jwks.asked.filter((path) => path === '/rotating')).toHaveLength(1);
  });

  it.each(FAULTS.map(([name, handler], i) => [name, `faulty-${i}`, handler] as const))(
    'of a provider that %s: the last one counts',
    async (_, path, handler) => {
      await until(async () => (await outcome(path, signed('one'))) === 'passed', 'the key is there');
      behaviour.set(`/${path}`, handler);
      jwks.asked.length = 0;
      expect(await outcome(path, signed('unknown'))).toBe('401 Invalid token');
      expect(jwks.asked.filter((asked) => asked === `/${path}`)).toHaveLength(1);
      expect(await outcome(path, signed('one'))).toBe('passed');
      const unseen = fresh({ jti: path }, { header: { alg: 'RS256', kid: 'one' } });
      expect(await outcome(path, unseen)).toBe('passed');
    },
  );

  it('that never came: 503, and other rules serve', async () => {
    expect(await outcome('gone', signed('one'))).toBe('503 Tokens cannot be checked at the moment.');
    expect(await outcome('gone', null)).toBe('401 Missing authentication token');
    expect(await outcome('secret', fresh())).toBe('passed');
  });

  it('at a metadata service is not asked for', async () => {
    expect(await outcome('metadata', signed('one'))).toBe('503 Tokens cannot be checked at the moment.');
    expect(gateway.program.stderr).toContain('169.254.169.254 is a link-local address');
  });
});

test('users are looked up once, and kept in Redis for others', async () => {
  users.asked.length = 0;
  for (let i = 0; i < 3; i++) expect(await outcome('users', fresh())).toBe('passed');
  expect(users.asked).toEqual(['/users/ann']);
  const kept = JSON.parse(await redis.cli('get', 'user:ann')) as object;
  expect(kept).toMatchObject({ record: { roles: ['editor'] } });
  expect(Number(await redis.cli('pttl', 'user:ann'))).toBeGreaterThan(200_000);
});

test('what the look-up of another route kept in Redis of a user of that name is not believed', async () => {
  const record = { roles: ['admin'], permissions: [], groups: [] };
  const kept = JSON.stringify({ record, untilMs: Date.now() + 100_000, question: 'another' });
  await redis.cli('set', 'user:eve', kept);
  users.asked.length = 0;
  expect(await outcome('users', fresh({ sub: 'eve' }))).toBe('passed');
  expect(users.asked).toEqual(['/users/eve']);
  expect(JSON.parse(await redis.cli('get', 'user:eve'))).toMatchObject({ record: { roles: ['editor'] } });
});

test('a service decides, and says who it is', async () => {
  users.handler = json({}, { 'x-user': 'ann' });
  expect((await ask('decided/a?b=c', 'anything', 'X-User: admin')).status).toBe(200);
  expect(upstream.last.header('x-user')).toBe('ann');
  users.handler = json({ why: 'no' }, { 'www-authenticate': 'Custom' }, 401);
  const refused = await ask('decided', null);
  expect([refused.status, headerOf(refused, 'www-authenticate'), refused.body]).toEqual([
    401,
    'Custom',
    '{"why":"no"}',
  ]);
  users.handler = hanging;
  expect(await outcome('decided', null)).toMatch(/^503/);
});

test('no secret and no token stands in what the gateway says of itself', async () => {
  const token = fresh();
  await ask('secret', token);
  const said = [(await gateway.admin('/config')).text, gateway.log].join('\n');
  for (const text of [SECRET, OTHER_SECRET, openId.client.secret, token]) expect(said).not.toContain(text);
});
