import { createHash, createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { bindPoliciesWith, exchange, type TestRequest, testConsumer, testStep } from '../testing.ts';
import { hmac } from './index.ts';

const SECRET = 'the secret of bob';
const USERS = [{ username: 'bob', secretRef: { name: 'bob', key: 'secret' } }];

let seen: Identity | undefined;
beforeEach(() => {
  seen = undefined;
});
const probe = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

function rule(config: Record<string, unknown> = {}, secret = SECRET) {
  return bindPoliciesWith(
    { secrets: { 'bob/secret': secret } },
    [hmac, { users: USERS, ...config }],
    [probe, {}],
  );
}

interface Signing {
  readonly headers?: string;
  readonly algorithm?: string;
  readonly username?: string;
  readonly carrier?: string;
  readonly date?: Date;
}

/** Signs as the clients of Kong's plugin do. */
function signed(sent: TestRequest = {}, signing: Signing = {}): TestRequest {
  const { method = 'GET', target = '/requests?a=b', lines = [] } = sent;
  const {
    headers = 'date request-line',
    algorithm = 'hmac-sha256',
    username = 'bob',
    date = new Date(),
  } = signing;
  const all = [...lines, `Date: ${date.toUTCString()}`];
  const text = headers
    .split(' ')
    .map((name) => {
      if (name === 'request-line') return `${method} ${target} HTTP/1.1`;
      if (name === '@request-target') return `@request-target: ${method.toLowerCase()} ${target}`;
      return all.find((line) => line.toLowerCase().startsWith(`${name}:`))!.replace(/^[^:]*/, name);
    })
    .join('\n');
  const mac = createHmac(algorithm.replace('hmac-', ''), SECRET).update(text).digest('base64');
  const value = `hmac username="${username}", algorithm="${algorithm}", headers="${headers}", signature="${mac}"`;
  return { ...sent, method, target, lines: [...all, `${signing.carrier ?? 'Authorization'}: ${value}`] };
}

const detailOf = (body: string | null) => (JSON.parse(body!) as { detail: string }).detail;

test.each<[string, Signing]>([
  ['date and request line', {}],
  ['SHA-512', { algorithm: 'hmac-sha512' }],
  ['the request target', { headers: 'date @request-target' }],
  ['in Proxy-Authorization', { carrier: 'Proxy-Authorization' }],
])('a signed request passes: %s', async (_, signing) => {
  const outcome = await exchange(rule(), signed({}, signing));
  expect(outcome.status).toBe(200);
  expect(seen).toMatchObject({ user: 'bob', schemes: ['hmac'] });
  expect(outcome.forwarded!.join()).not.toContain('hmac');
});

test('the backend gets credentials of another kind that come beside it', async () => {
  const request = signed({ lines: ['Authorization: Bearer abc'] }, { carrier: 'Proxy-Authorization' });
  expect((await exchange(rule(), request)).forwarded).toContain('authorization: Bearer abc');
});

test('without a signature', async () => {
  const outcome = await exchange(rule());
  expect([outcome.status, detailOf(outcome.body), outcome.header('www-authenticate')]).toEqual([
    401,
    'Missing HMAC signature.',
    'hmac realm="gateway"',
  ]);
  expect((await exchange(rule({ optional: true }))).status).toBe(200);
});

test.each<[string, TestRequest, Signing, string]>([
  ['another path', { target: '/admin' }, {}, 'Invalid HMAC signature.'],
  ['another user', {}, { username: 'eve' }, 'Invalid HMAC signature.'],
  ['what is not covered', {}, { headers: 'date' }, 'it does not cover request-line'],
  ['no date', {}, { headers: 'request-line' }, 'it covers no Date or X-Date'],
  ['an algorithm that is not allowed', {}, { algorithm: 'hmac-sha1' }, 'its algorithm is not allowed'],
  ['too old', {}, { date: new Date(Date.now() - 301_000) }, 'HMAC signature expired'],
  ['from the future', {}, { date: new Date(Date.now() + 302_000) }, 'HMAC signature expired'],
])('%s', async (_, change, signing, detail) => {
  const outcome = await exchange(rule(), { ...signed({}, signing), ...change });
  expect([outcome.status, detailOf(outcome.body)]).toEqual([401, expect.stringContaining(detail)]);
});

test('a header that poses as the request line', async () => {
  const { lines, ...request } = signed();
  const forged = {
    ...request,
    target: '/admin',
    lines: ['Request-Line: GET /requests?a=b HTTP/1.1', ...lines!],
  };
  expect((await exchange(rule(), forged)).status).toBe(401);
});

test('old algorithms where they are asked for', async () => {
  const request = signed({}, { algorithm: 'hmac-sha1' });
  expect((await exchange(rule({ algorithms: ['hmac-sha1'] }), request)).status).toBe(200);
});

test('credentials that can not be read', async () => {
  const outcome = await exchange(rule(), { lines: ['Authorization: hmac username="bob"'] });
  expect(detailOf(outcome.body)).toBe("Invalid HMAC signature: it can't be read.");
});

describe('the body', () => {
  const BODY = 'A small body';
  const digest = (body: string) => `Digest: SHA-256=${createHash('sha256').update(body).digest('base64')}`;
  const post = (lines: string[], body: string, headers = 'date request-line digest') =>
    signed({ method: 'POST', lines, body }, { headers });

  test('reaches the backend when it is what was signed', async () => {
    const outcome = await exchange(rule(), post([digest(BODY)], BODY));
    expect([outcome.status, Buffer.from(outcome.forwardedBody).toString()]).toEqual([200, BODY]);
  });

  test('of the newer header, too', async () => {
    const line = digest(BODY).replace('Digest: SHA-256=', 'Content-Digest: sha-256=:').concat(':');
    const outcome = await exchange(rule(), post([line], BODY, 'date request-line content-digest'));
    expect(outcome.status).toBe(200);
  });

  test.each([
    ['another than what was signed', [digest('other')], 'date request-line digest', 'not what was signed'],
    ['whose digest is not signed', [digest(BODY)], 'date request-line', 'covers no Digest'],
    ['without a digest that is known', ['Digest: MD5=AAAA'], 'date request-line digest', 'neither SHA-256'],
  ])('%s', async (_, lines, headers, detail) => {
    const outcome = await exchange(rule(), post(lines, BODY, headers));
    expect(outcome.forwarded).toBeNull();
    expect(detailOf(outcome.body)).toContain(detail);
  });

  test('may go unsigned where the operator says so', async () => {
    expect((await exchange(rule({ body: 'unsigned' }), post([], BODY, 'date request-line'))).status).toBe(
      200,
    );
  });

  test('larger than what is held in memory', async () => {
    expect((await exchange(rule({ maxBody: 5 }), post([digest(BODY)], BODY))).status).toBe(413);
  });
});

test('a secret that can be guessed is refused', () => {
  expect(() => rule({}, 'short')).toThrow('it needs 16 or more');
});

test('without users, Consumers sign: each is one, until its secret changes or it goes', async () => {
  const texts = new Map([['Secret/test/bob/secret', SECRET]]);
  const consumers = new ConsumerDirectory((key) => texts.get(key));
  const acme = testConsumer('acme', {
    groups: ['partners'],
    signers: [{ user: 'bob', secret: 'Secret/test/bob/secret' }],
  });
  consumers.apply([acme], []);
  const made = bindPoliciesWith({ consumers }, [hmac, {}], [probe, {}]);
  const status = async () => (await exchange(made, signed())).status;
  expect(await status()).toBe(200);
  expect(seen).toMatchObject({ user: 'bob', consumer: 'acme', groups: ['partners'], schemes: ['hmac'] });
  expect((await exchange(made, signed({}, { username: 'eve' }))).status).toBe(401);
  texts.set('Secret/test/bob/secret', 'another secret of bob');
  consumers.secretsChanged();
  expect(await status()).toBe(401);
  texts.set('Secret/test/bob/secret', SECRET);
  consumers.secretsChanged();
  expect(await status()).toBe(200);
  consumers.apply([], [acme.key]);
  expect(await status()).toBe(401);
});
