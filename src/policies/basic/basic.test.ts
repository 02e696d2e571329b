import { expect, test } from 'vitest';
import { fields } from '../../lib/schema.ts';
import { identitySlot } from '../../pipeline/identity.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { bindPoliciesWith, exchange, testConsumer } from '../testing.ts';
import { basic } from './index.ts';

const tell = definePolicy({
  name: 'tell',
  phase: 'rewrite',
  summary: 'For tests.',
  schema: fields({}, 'For tests.'),
  bind: () => ({
    onRequest: (x) => x.request.setHeader('told', JSON.stringify(x.get(identitySlot) ?? null)),
  }),
});

const encoded = (pair: string | Buffer) => Buffer.from(pair).toString('base64');
const login = (pair: string) => [`Authorization: Basic ${encoded(pair)}`];
const detail = ({ body }: { body: string | null }) => (JSON.parse(body!) as { detail: string }).detail;
const told = ({ forwarded }: { forwarded: readonly string[] | null }) =>
  JSON.parse(forwarded!.find((line) => line.startsWith('told: '))!.slice('told: '.length)) as object;

const HTPASSWD = `# the password of each is "correct horse"
ann:$2y$05$5LcMlkdd.pK247/tkPAG8uXmoixAZlqjW7hsUNJcKbqM4jlCy/7zC

bob:$apr1$q86YVRQG$HZcjn7AqL3rQrFKJebifV.:with a comment of nginx\r
cat:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=
`;

function fileRule(htpasswd = HTPASSWD, config: object = {}) {
  const secrets = { 'users/auth': htpasswd };
  const own = { htpasswd: { secretRef: { name: 'users' } }, ...config };
  return bindPoliciesWith({ secrets }, [basic, own], [tell, {}]);
}

function consumerRule(
  texts: Record<string, string> = { ann: 'plain', bob: '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=' },
) {
  const secrets = { ...texts };
  const consumers = new ConsumerDirectory((key) => secrets[key]);
  const of = (name: string) =>
    testConsumer(`c-${name}`, { groups: ['g'], passwords: [{ user: name, secret: name }] });
  consumers.apply(Object.keys(texts).map(of), []);
  const rule = bindPoliciesWith({ consumers }, [basic, {}], [tell, {}]);
  return { rule, secrets, consumers };
}

test.each(['ann', 'bob', 'cat'])('a user of an htpasswd file: %s', async (user) => {
  const rule = fileRule();
  for (const _ of ['checked', 'remembered']) {
    const outcome = await exchange(rule, { lines: login(`${user}:correct horse`) });
    expect(told(outcome)).toMatchObject({ user, consumer: null, schemes: ['basic'] });
    expect(outcome.forwarded?.join()).not.toContain('authorization');
    expect((await exchange(rule, { lines: login(`${user}:Correct horse`) })).status).toBe(401);
  }
});

test('a user of a Consumer, by password or hash', async () => {
  const { rule } = consumerRule();
  const ann = await exchange(rule, { lines: login('ann:plain') });
  expect(told(ann)).toMatchObject({ user: 'ann', consumer: 'c-ann', groups: ['g'], schemes: ['basic'] });
  expect((await exchange(rule, { lines: login('bob:correct horse') })).status).toBe(200);
  expect((await exchange(rule, { lines: login('bob:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=') })).status).toBe(401);
});

test.each([
  [[], 'Missing user name and password'],
  [['Authorization: Bearer x'], 'Missing user name and password'],
  [login('ann:wrong'), 'Wrong user name or password'],
  [login('nobody:plain'), 'Wrong user name or password'],
  [login('__proto__:plain'), 'Wrong user name or password'],
  [login(':'), 'Wrong user name or password'],
  [login('ann'), 'Malformed credentials'],
  [['Authorization: Basic !!!'], 'Malformed credentials'],
  [['Authorization: basic '], 'Missing user name and password'],
  [[`Authorization: Basic ${encoded(Buffer.from([0xff, 0x3a, 0xfe]))}`], 'Malformed credentials'],
  [login('ann:pl\u0000ain'), 'Malformed credentials'],
  [[...login('ann:plain'), ...login('ann:plain')], 'Malformed credentials'],
])('%j is refused: %s', async (lines, message) => {
  const { rule } = consumerRule();
  for (const _ of ['checked', 'remembered']) {
    const outcome = await exchange(rule, { lines });
    expect([outcome.status, outcome.forwarded, detail(outcome)]).toEqual([401, null, message]);
    expect(outcome.header('www-authenticate')).toBe('Basic realm="restricted", charset="UTF-8"');
  }
});

test('the scheme is read in any case, colons belong to the password, and text is UTF-8', async () => {
  const { rule } = consumerRule({ ann: 'a:b', jörg: 'pässwörd' });
  expect((await exchange(rule, { lines: [`authorization: bASIC  ${encoded('ann:a:b')}`] })).status).toBe(200);
  expect((await exchange(rule, { lines: login('jörg:pässwörd') })).status).toBe(200);
});

test('a new password holds at once, and the old one is forgotten', async () => {
  const { rule, secrets, consumers } = consumerRule();
  const status = async (password: string) =>
    (await exchange(rule, { lines: login(`ann:${password}`) })).status;
  expect([await status('plain'), await status('fresh')]).toEqual([200, 401]);
  secrets.ann = 'fresh';
  consumers.secretsChanged();
  expect([await status('plain'), await status('fresh')]).toEqual([401, 200]);
  consumers.apply([], ['Consumer/test/c-ann']);
  expect(await status('fresh')).toBe(401);
});

test('keep: true sends it on', async () => {
  const outcome = await exchange(fileRule(HTPASSWD, { keep: true }), { lines: login('cat:correct horse') });
  expect(outcome.forwarded?.join()).toContain('authorization: Basic');
});

test('many at once are checked a few at a time; too many are told to come again', async () => {
  const rule = fileRule();
  const same = await Promise.all(
    Array.from({ length: 200 }, () => exchange(rule, { lines: login('ann:correct horse') })),
  );
  expect(new Set(same.map(({ status }) => status))).toEqual(new Set([200]));
  const guesses = await Promise.all(
    Array.from({ length: 400 }, (_, i) => exchange(rule, { lines: login(`ann:guess ${i}`) })),
  );
  const busy = guesses.filter(({ status }) => status === 503);
  expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([401, 503]));
  expect(busy[0]!.header('retry-after')).toBe('1');
  // What was remembered before waits for nothing.
  expect((await exchange(rule, { lines: login('ann:correct horse') })).status).toBe(200);
});

test.each([
  ['', 'has no user in its htpasswd'],
  ['just a line', 'has no user and hash in line 1 of its htpasswd'],
  ['ann:plain-text', 'has a hash in line 1'],
  ['\nann:rlOOxQlRCyIt2', 'has a hash in line 2'],
  [
    'cat:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\ncat:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=',
    'a second entry of one user in line 2',
  ],
])('%j is no htpasswd file, and what it says is not repeated', (text, message) => {
  expect(() => fileRule(text)).toThrow(message);
  expect(() => fileRule(text)).not.toThrow(/plain-text|rlOO|L55T/);
});
