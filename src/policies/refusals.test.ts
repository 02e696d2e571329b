import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AuthenticatorPolicy } from '../pipeline/authenticator.ts';
import { REFUSAL_REASONS } from '../pipeline/refusal.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { apiKey } from './api-key.ts';
import { authenticate } from './authenticate.ts';
import { basic } from './basic/index.ts';
import { hmac } from './hmac/index.ts';
import { policyCatalogue } from './index.ts';
import { jwt } from './jwt/index.ts';
import { SECRET, tokenOf } from './jwt/testing.ts';
import { signature } from './signature/index.ts';
import { bindPoliciesWith, type Entry, exchange, type TestRequest, testConsumer } from './testing.ts';

/** Operators learn why a credential was refused; clients are told no more than before. */

const secrets = {
  'jwt/secret': SECRET,
  'users/auth': 'ann:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=',
  'signer/secret': 'a secret of a signer',
  'signer/key': 'a secret of a signer',
};
const nowS = Math.floor(Date.now() / 1000);
const bearing = (claims: object, more: object = {}): TestRequest => ({
  lines: [`Authorization: Bearer ${tokenOf({ claims: { exp: nowS + 300, ...claims }, ...more })}`],
});
const lines = (...all: readonly string[]): TestRequest => ({ lines: all });
const pair = (text: string) => lines(`Authorization: Basic ${Buffer.from(text).toString('base64')}`);

const JWT: Entry = [
  jwt,
  {
    keys: [{ secretRef: { name: 'jwt' } }],
    ...{ issuers: ['good'], audiences: ['api'], claimsToVerify: ['exp', 'sub'], typ: 'at+jwt' },
    from: [{ header: { name: 'Authorization', scheme: 'Bearer' } }, { query: 'token' }],
  },
];
const GOOD = { iss: 'good', aud: 'api' };
const TYPED = { header: { typ: 'at+jwt' } };
const BASIC: Entry = [basic, { htpasswd: { secretRef: { name: 'users' } } }];
const HMAC: Entry = [hmac, { users: [{ username: 'bob', secretRef: { name: 'signer' } }] }];
const SIGNATURE: Entry = [
  signature,
  { keys: [{ id: 'k', algorithm: 'hmac-sha256', secretRef: { name: 'signer' } }], required: ['@method'] },
];
const KEYS: Entry = [apiKey, { from: [{ header: 'X-A' }, { header: 'X-B' }] }];

function hmacLine(username: string, headers: string, date: Date, secret = 'another one'): TestRequest {
  const signed = `date: ${date.toUTCString()}\nGET / HTTP/1.1`;
  const value = createHmac('sha256', secret).update(signed).digest('base64');
  return lines(
    `Date: ${date.toUTCString()}`,
    `Authorization: hmac username="${username}", algorithm="hmac-sha256", headers="${headers}", signature="${value}"`,
  );
}
const signed = (params: string, base = 'sig=("@method")') =>
  lines(`Signature-Input: ${base}${params}`, 'Signature: sig=:AAAA:');

test.each<[string, Entry, TestRequest]>([
  ['jwt missing', JWT, {}],
  ['jwt several', JWT, { ...bearing(GOOD, TYPED), target: '/?token=another' }],
  ['jwt malformed', JWT, lines('Authorization: Bearer a.b')],
  ['jwt algorithm', JWT, bearing(GOOD, { header: { alg: 'none' }, by: 'HS256' })],
  ['jwt unknownKey', JWT, bearing(GOOD, { header: { alg: 'ES256' } })],
  ['jwt signature', JWT, bearing(GOOD, { ...TYPED, key: `${SECRET}!` })],
  ['jwt expired', JWT, bearing({ ...GOOD, exp: nowS - 5 }, TYPED)],
  ['jwt notYet', JWT, bearing({ ...GOOD, nbf: nowS + 99 }, TYPED)],
  ['jwt issuer', JWT, bearing({ ...GOOD, iss: 'bad' }, TYPED)],
  ['jwt audience', JWT, bearing({ ...GOOD, aud: 'other' }, TYPED)],
  ['jwt claims', JWT, bearing({ ...GOOD, nbf: 'x' }, TYPED)],
  ['jwt type', JWT, bearing(GOOD)],
  ['basic missing', BASIC, {}],
  ['basic malformed', BASIC, lines('Authorization: Basic ?')],
  ['basic unknownUser', BASIC, pair('eve:b')],
  ['basic password', BASIC, pair('ann:x')],
  ['apiKey missing', KEYS, {}],
  ['apiKey unknownKey', KEYS, lines('X-A: nobody')],
  ['apiKey several', KEYS, lines('X-A: one', 'X-B: two')],
  ['hmac malformed', HMAC, lines('Authorization: hmac nonsense')],
  ['hmac uncovered', HMAC, hmacLine('bob', 'date', new Date())],
  ['hmac expired', HMAC, hmacLine('bob', 'date request-line', new Date(0))],
  ['hmac unknownUser', HMAC, hmacLine('eve', 'date request-line', new Date())],
  ['hmac signature', HMAC, hmacLine('bob', 'date request-line', new Date())],
  ['signature missing', SIGNATURE, {}],
  ['signature malformed', SIGNATURE, signed(';created=a')],
  ['signature expired', SIGNATURE, signed(`;created=${nowS - 9999};keyid="k"`)],
  ['signature notYet', SIGNATURE, signed(`;created=${nowS + 9999};keyid="k"`)],
  ['signature uncovered', SIGNATURE, signed(`;created=${nowS};keyid="k"`, 'sig=("host")')],
  ['signature unknownKey', SIGNATURE, signed(`;created=${nowS};keyid="x"`)],
  ['signature algorithm', SIGNATURE, signed(`;created=${nowS};keyid="k";alg="ed25519"`)],
  ['signature signature', SIGNATURE, signed(`;created=${nowS};keyid="k"`)],
])('%s', async (told, entry, sent) => {
  const { counted, answer } = await refusalsOf([entry], sent);
  expect([counted, answer.status >= 400]).toEqual([[told], true]);
  expect(answer.body).not.toContain(told.split(' ')[1] === 'unknownUser' ? 'unknown' : '\n');
});

async function refusalsOf(entries: readonly Entry[], sent: TestRequest) {
  const counted: string[] = [];
  const known = new Set<string>();
  const env = {
    authenticationRefusals(policy: string, reason: string) {
      known.add(`${policy} ${reason}`);
      return { add: () => void counted.push(`${policy} ${reason}`) };
    },
  };
  const consumers = new ConsumerDirectory(() => undefined);
  consumers.apply([testConsumer('acme', { claims: [{ claim: 'iss', equals: 'good' }] })], []);
  const rule = bindPoliciesWith({ secrets, env, consumers }, ...entries);
  const begun = new Set(known);
  const answer = await exchange(rule, sent);
  for (const one of counted) expect(begun).toContain(one);
  return { counted, answer };
}

test('of several ways: the one whose refusal is told, or that there was none at all', async () => {
  const any = authenticate([jwt, basic]);
  const entry: Entry = [any, { anyOf: [{ jwt: JWT[1] }, { basic: BASIC[1] }] }];
  expect((await refusalsOf([entry], {})).counted).toEqual(['authenticate missing']);
  expect((await refusalsOf([entry], pair('ann:x'))).counted).toEqual(['basic password']);
});

test('who passes is not counted, nor who may come without a credential', async () => {
  expect((await refusalsOf([JWT], bearing(GOOD, TYPED))).counted).toEqual([]);
  expect((await refusalsOf([[jwt, { ...(JWT[1] as object), optional: true }]], {})).counted).toEqual([]);
});

test('in shadow mode it is counted under another name', async () => {
  const { counted, answer } = await refusalsOf([[JWT[0], JWT[1], 'shadow']], {});
  expect([counted, answer.status]).toEqual([['jwt (shadow) missing'], 200]);
});

test('the documentation has every reason, with the policies that give it', () => {
  const page = readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8');
  const rowOf = (reason: string) => page.split('\n').find((line) => line.startsWith(`| \`${reason}\` |`));
  for (const reason of REFUSAL_REASONS) expect(rowOf(reason), reason).toBeDefined();
  for (const policy of policyCatalogue.values()) {
    if (!('authenticator' in policy)) continue;
    const { name, reasons } = (policy as AuthenticatorPolicy).authenticator;
    for (const reason of reasons)
      expect(rowOf(reason)!.split('|').at(-2), reason).toMatch(new RegExp(`\\b${name}\\b|all`));
  }
});
