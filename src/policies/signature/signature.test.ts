import { createHash, createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { memberText } from '../../lib/structured-fields/model.ts';
import { parseDictionary } from '../../lib/structured-fields/parse.ts';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { bindPoliciesWith, exchange, type TestRequest, testConsumer, testStep } from '../testing.ts';
import { signatureBase } from './components.ts';
import { signature } from './index.ts';
import { ED25519_PUBLIC, type Lines, message } from './testing.ts';

const SECRET = 'a shared secret of the two';
const SECRETS = {
  'partner/key': `${SECRET}\n`,
  'binary/key': Buffer.from(SECRET).toString('base64'),
  'short/key': 'x',
};
const KEY = { id: 'partner', algorithm: 'hmac-sha256', secretRef: { name: 'partner', key: 'key' } };
const COVERED = '"@method" "@authority" "@path" "@query"';

let seen: Identity | undefined;
beforeEach(() => {
  seen = undefined;
});
const probe = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

function rule(config: Record<string, unknown> = {}) {
  return bindPoliciesWith({ secrets: SECRETS }, [signature, { keys: [KEY], ...config }], [probe, {}]);
}

const now = () => Math.floor(Date.now() / 1000);
const params = (more = '', created = now()) => `;created=${created};keyid="partner"${more}`;

/** A request that is signed as a client of `https://shop.test` would. */
function signed(input: string, sent: TestRequest & { readonly path?: string } = {}): TestRequest {
  const { lines = [], method = 'GET', path = '/a?b=c', scheme = 'https' } = sent;
  const pairs = lines.map((line): [string, string] => {
    const [name, ...value] = line.split(': ');
    return [name!.toLowerCase(), value.join(': ')];
  });
  const member = parseDictionary(`s=${input}`).get('s')!;
  if (member.kind !== 'innerList') throw new Error('no list');
  const base = signatureBase(member, message(method, `${scheme}://shop.test${path}`, pairs as Lines));
  const mac = createHmac('sha256', SECRET).update(base, 'latin1').digest('base64');
  const added = [`Signature-Input: s=${memberText(member)}`, `Signature: s=:${mac}:`];
  return { method, target: path, scheme, ...sent, lines: [...lines, ...added] };
}

const detailOf = (body: string | null) => (JSON.parse(body!) as { detail: string }).detail;

test('a signed request passes, and whoever signed it is known', async () => {
  const outcome = await exchange(rule(), signed(`(${COVERED})${params()}`));
  expect(outcome.status).toBe(200);
  expect(seen).toMatchObject({ user: 'partner', schemes: ['signature'], consumer: null });
});

test('the name of the signer can be another than that of the key', async () => {
  await exchange(rule({ keys: [{ ...KEY, user: 'alice' }] }), signed(`(${COVERED})${params()}`));
  expect(seen?.user).toBe('alice');
});

test('a secret may be written in base64', async () => {
  const keys = [{ ...KEY, encoding: 'base64', secretRef: { name: 'binary', key: 'key' } }];
  expect((await exchange(rule({ keys }), signed(`(${COVERED})${params()}`))).status).toBe(200);
});

test('without a signature the answer says what one needs', async () => {
  const outcome = await exchange(rule({ nonce: 'required', tag: 'shop' }));
  expect(outcome.status).toBe(401);
  expect(detailOf(outcome.body)).toBe('Missing request signature.');
  expect(outcome.header('www-authenticate')).toBe('Signature');
  expect(outcome.header('accept-signature')).toBe(
    'sig=("@method" "@authority" "@path" "@query" "content-digest");created;keyid;nonce;tag="shop"',
  );
});

test('where it is optional, nobody passes, but not with a bad one', async () => {
  expect((await exchange(rule({ optional: true }))).status).toBe(200);
  expect(seen).toMatchObject({ schemes: [] });
  const bad = signed(`(${COVERED})${params()}`);
  expect((await exchange(rule({ optional: true }), { ...bad, method: 'PUT' })).status).toBe(401);
});

test('what was signed is the target as sent, not as it was normalised', async () => {
  const path = '/a/../%7euser/./b%2fc//?x=%41+b';
  expect((await exchange(rule(), signed(`(${COVERED} "@request-target")${params()}`, { path }))).status).toBe(
    200,
  );
});

test('the scheme and its port are those of the client', async () => {
  const lines = ['Host: shop.test:443', 'X-Forwarded-Proto: https'];
  const request = signed(`("@target-uri" "@method")${params()}`, { lines });
  const behindProxy = { ...request, scheme: 'http' as const };
  expect((await exchange(rule(), { ...behindProxy, trusted: true })).status).toBe(200);
  expect((await exchange(rule(), behindProxy)).status).toBe(401);
});

test.each([
  ['another path', { target: '/admin?b=c' }],
  ['another query', { target: '/a?b=d' }],
  ['another method', { method: 'DELETE' }],
])('%s than what was signed', async (_, change) => {
  const outcome = await exchange(rule(), { ...signed(`(${COVERED})${params()}`), ...change });
  expect(detailOf(outcome.body)).toBe('Invalid request signature: it does not match.');
});

test('another host than what was signed', async () => {
  const { lines, ...request } = signed(`(${COVERED})${params()}`);
  const outcome = await exchange(rule(), { ...request, lines: ['Host: other.test', ...lines!] });
  expect(outcome.status).toBe(401);
});

test('a signature that is too old', async () => {
  const outcome = await exchange(rule(), signed(`(${COVERED})${params('', now() - 400)}`));
  expect(detailOf(outcome.body)).toBe('Request signature expired.');
});

describe('a nonce', () => {
  test('is taken once', async () => {
    const bound = rule();
    const request = signed(`(${COVERED})${params(';nonce="n1"')}`);
    expect((await exchange(bound, request)).status).toBe(200);
    const again = await exchange(bound, request);
    expect([again.status, detailOf(again.body)]).toEqual([
      401,
      'Invalid request signature: its nonce was used before.',
    ]);
    expect((await exchange(bound, signed(`(${COVERED})${params(';nonce="n2"')}`))).status).toBe(200);
  });

  test('of a request that is refused may come again', async () => {
    const bound = rule();
    const request = signed(`(${COVERED})${params(';nonce="n1"')}`);
    expect((await exchange(bound, { ...request, method: 'PUT' })).status).toBe(401);
    expect((await exchange(bound, request)).status).toBe(200);
  });

  test('can be asked for', async () => {
    const outcome = await exchange(rule({ nonce: 'required' }), signed(`(${COVERED})${params()}`));
    expect(detailOf(outcome.body)).toContain('it has no nonce');
  });
});

describe('the body', () => {
  const BODY = '{"hello": "world"}';
  const digest = (body: string) =>
    `Content-Digest: sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const post = (lines: string[], body: string | undefined, covered = `${COVERED} "content-digest"`) =>
    signed(`(${covered})${params()}`, { method: 'POST', lines, ...(body !== undefined && { body }) });

  test('reaches the backend when it is what was signed', async () => {
    const outcome = await exchange(rule(), post([digest(BODY)], BODY));
    expect([outcome.status, Buffer.from(outcome.forwardedBody).toString()]).toEqual([200, BODY]);
  });

  test.each([
    ['another', '{"hello": "World"}'],
    ['a longer one', `${BODY} `],
    ['none', undefined],
  ])('%s than what was signed does not', async (_, body) => {
    const outcome = await exchange(rule(), post([digest(BODY)], body));
    expect(outcome.forwarded).toBeNull();
    expect(detailOf(outcome.body)).toContain('the body is not what was signed');
  });

  test.each([
    ['is not signed', [digest(BODY)], COVERED, 'does not cover content-digest'],
    ['has no digest that is known', ['Content-Digest: md5=:AAAA:'], undefined, 'neither sha-256 nor sha-512'],
  ] as const)('that %s', async (_, lines, covered, detail) => {
    const outcome = await exchange(rule(), post([...lines], BODY, covered));
    expect(detailOf(outcome.body)).toContain(detail);
  });

  test('may go unsigned where the operator says so', async () => {
    expect((await exchange(rule({ body: 'unsigned' }), post([], BODY, COVERED))).status).toBe(200);
  });

  test('larger than what is held in memory', async () => {
    expect((await exchange(rule({ maxBody: 10 }), post([digest(BODY)], BODY))).status).toBe(413);
  });

  test('of no bytes needs no digest', async () => {
    expect((await exchange(rule(), post([], '', COVERED))).status).toBe(200);
    expect((await exchange(rule(), post([digest('')], ''))).status).toBe(200);
  });
});

test.each<[unknown, string]>([
  [[{ ...KEY, secretRef: { name: 'short', key: 'key' } }], 'it needs 16 or more'],
  [[{ ...KEY, secretRef: { name: 'gone', key: 'key' } }], 'keys[0].secretRef: Secret gone is not there'],
  [[{ id: 'a', algorithm: 'ed25519', publicKey: 'nonsense' }], 'no public key'],
  [[{ id: 'a', algorithm: 'ecdsa-p256-sha256', publicKey: ED25519_PUBLIC }], 'type ed25519'],
  [[{ id: 'a', algorithm: 'hmac-sha256', publicKey: 'a shared secret, in the open' }], 'belongs in a Secret'],
  [[{ id: 'a', algorithm: 'ed25519' }], 'exactly one of'],
  [[KEY, KEY], 'the key partner is there twice'],
  [[], 'keys'],
])('keys %j are refused', (keys, reason) => {
  expect(() => rule({ keys })).toThrow(reason);
});

test.each([['@status'], ['@query-param'], ['Content-Type'], ['a b']])('%s can not be required', (name) => {
  expect(() => rule({ required: [name] })).toThrow('required');
});

test('without keys, those of Consumers count, each for its own algorithm, until they change', async () => {
  const texts = new Map([['Secret/test/k/key', SECRET]]);
  const consumers = new ConsumerDirectory((key) => texts.get(key));
  const key = { keyId: 'partner', algorithm: 'hmac-sha256', encoding: 'text' } as const;
  const acme = testConsumer('acme', {
    roles: ['editor'],
    signingKeys: [
      { ...key, material: { secret: 'Secret/test/k/key' } },
      { ...key, keyId: 'other', algorithm: 'ed25519', material: { publicKey: ED25519_PUBLIC } },
    ],
  });
  consumers.apply([acme], []);
  const made = bindPoliciesWith({ consumers }, [signature, {}], [probe, {}]);
  const status = async (more = params()) => (await exchange(made, signed(`(${COVERED})${more}`))).status;
  expect(await status()).toBe(200);
  expect(seen).toMatchObject({
    user: 'partner',
    consumer: 'acme',
    roles: ['editor'],
    schemes: ['signature'],
  });
  expect(await status(params().replace('partner', 'other'))).toBe(401);
  expect(await status(params().replace('partner', 'nobody'))).toBe(401);
  texts.set('Secret/test/k/key', 'another secret of the two');
  consumers.secretsChanged();
  expect(await status()).toBe(401);
  texts.set('Secret/test/k/key', SECRET);
  consumers.secretsChanged();
  expect(await status()).toBe(200);
  consumers.apply([], [acme.key]);
  expect(await status()).toBe(401);
});
