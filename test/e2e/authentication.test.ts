import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get, head, RawClient } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Who may come in, in a running gateway: Secrets and Consumers of a folder, over sockets. */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('one'));
});
afterAll(() => upstream?.stop());
afterEach(() => gateway.stop());

const metadata = (name: string) => ({ name, namespace: 'default' });
const secret = (name: string, stringData: object) =>
  stringify({ apiVersion: 'v1', kind: 'Secret', metadata: metadata(name), stringData });
const consumer = (name: string, spec: object) =>
  stringify({ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: metadata(name), spec });
const keyOf = (name: string) => [{ apiKey: { secretRef: { name } } }];
const basicAuth = (pair: string) => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;
const all = (...policies: readonly object[]) => route('all', [forward('/', upstream.port, { policies })]);
const status = async (...lines: readonly string[]) => (await get(gateway.port, '/', ...lines)).status;
/** Often enough that each of the threads is asked. */
async function eachTime(code: number, ask: () => Promise<number>): Promise<boolean> {
  for (let i = 0; i < 8; i++) if ((await ask()) !== code) return false;
  return true;
}
const lastSent = () => upstream.requests.at(-1)!;

it('operators are told why a credential was refused, and nothing of it', async () => {
  const users = secret('users', { auth: 'ann:{SHA}DdCCsoyCmqTyCUPjQK0KTGBAI6g=' });
  gateway = await startGateway({
    files: {
      'route.yaml': all({
        authenticate: { anyOf: [{ apiKey: {} }, { basic: { htpasswd: { secretRef: { name: 'users' } } } }] },
      }),
      'users.yaml': users,
    },
    settings: { accessLog: { json: {} } },
    threads: 2,
  });
  for (const lines of [
    [],
    ['X-API-Key: the-secret-key'],
    [basicAuth('ann:the-secret-word')],
    [basicAuth('eve:x')],
  ])
    expect(await status(...lines)).toBe(401);
  const refusals = () =>
    gateway.log
      .split('\n')
      .filter((line) => line.includes('"refusal"'))
      .map((line) => (JSON.parse(line.slice(line.indexOf('{'))) as { refusal: string | null }).refusal);
  await until(() => refusals().length === 4, 'the log has every request');
  const told = ['apiKey unknownKey', 'authenticate missing', 'basic password', 'basic unknownUser'];
  expect(refusals().toSorted()).toEqual(told);
  const { text } = await gateway.admin('/metrics');
  for (const one of told) {
    const [policy, reason] = one.split(' ');
    expect(text).toContain(`gateway_authentication_refusals_total{policy="${policy}",reason="${reason}"} 1`);
  }
  // From the start, so that the first one is seen as a rise.
  expect(text).toContain('gateway_authentication_refusals_total{policy="basic",reason="malformed"} 0');
  expect(gateway.log + text).not.toMatch(/the-secret/);
});

it('keys and passwords are changed while traffic runs, and no good one is ever refused', async () => {
  gateway = await startGateway({
    files: {
      'route.yaml': all({ authenticate: { anyOf: [{ apiKey: {} }, { basic: {} }] } }),
      'acme.yaml': consumer('acme', {
        groups: ['partners'],
        credentials: [
          ...keyOf('steady'),
          ...keyOf('moving'),
          { basic: { username: 'ann', secretRef: { name: 'pass' } } },
        ],
      }),
      'steady.yaml': secret('steady', { key: 'steady-key' }),
      'moving.yaml': secret('moving', { key: 'moving-0' }),
      'pass.yaml': secret('pass', { password: 'word-0' }),
    },
    threads: 2,
  });
  const withKey = (round: number) => status(`X-API-Key: moving-${round}`);
  const withPassword = (round: number) => status(basicAuth(`ann:word-${round}`));
  expect([await withKey(0), await withPassword(0)]).toEqual([200, 200]);
  let running = true;
  let answered = 0;
  const bad: number[] = [];
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      const code = await status('X-API-Key: steady-key');
      if (code !== 200) bad.push(code);
      answered += 1;
    }
  });
  for (let round = 1; round <= 5; round++) {
    // One after the other: a change of the key must not be what makes the new password known.
    gateway.write('moving.yaml', secret('moving', { key: `moving-${round}` }));
    await until(() => eachTime(200, () => withKey(round)), `key ${round} is good\n${gateway.log}`);
    gateway.write('pass.yaml', secret('pass', { password: `word-${round}` }));
    await until(() => eachTime(200, () => withPassword(round)), `password ${round} is good\n${gateway.log}`);
    await until(() => eachTime(401, () => withKey(round - 1)), `key ${round - 1} is refused`);
    await until(() => eachTime(401, () => withPassword(round - 1)), `password ${round - 1} is refused`);
  }
  running = false;
  await Promise.all(load);
  expect([bad, answered > 20]).toEqual([[], true]);
  const shown = `${(await gateway.admin('/config')).text}${gateway.program.output}`;
  const digest = createHash('sha256').update('steady-key').digest('base64url');
  for (const text of ['steady-key', 'moving-', 'word-', digest]) expect(shown).not.toContain(text);
});

it('no client can say who it is', async () => {
  gateway = await startGateway({
    files: {
      'route.yaml': all({ apiKey: { optional: true } }),
      'acme.yaml': consumer('acme', { groups: ['partners'], credentials: keyOf('k') }),
      'k.yaml': secret('k', { key: 'key-1' }),
    },
  });
  const forged = [
    ...['X-Consumer-Name: root', 'X_Consumer_Name: root', 'x-consumer_name: root', 'X-User-ID: root'],
    ...['X-Groups: admins', 'X-Roles: user,admin', 'X-Roles: admin', 'Connection: X-Consumer-Name, X-Groups'],
  ];
  for (const [lines, name, groups] of [
    [[], null, null],
    [['X-API-Key: key-1'], 'acme', 'partners'],
  ] as const) {
    expect(await status(...forged, ...lines)).toBe(200);
    const sent = lastSent();
    expect([sent.header('x-consumer-name'), sent.header('x-groups')]).toEqual([name, groups]);
    expect(JSON.stringify(sent.head)).not.toMatch(/root|admin|key-1/);
  }
  const client = await RawClient.connect(gateway.port);
  client.write(head('POST /', 'Transfer-Encoding: chunked', 'Trailer: X-Consumer-Name', 'TE: trailers'));
  client.write('1\r\na\r\n0\r\nX-Consumer-Name: root\r\nX_Groups: root\r\n\r\n');
  expect((await client.answer('POST')).status).toBe(200);
  client.destroy();
  expect(lastSent().connection.text).not.toContain('root');
});

it('ten thousand Consumers, of which one changes', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => i);
  const hashOf = (i: number) => `sha256:${createHash('sha256').update(`key-${i}`).digest('hex')}`;
  gateway = await startGateway({
    files: {
      'route.yaml': all({ apiKey: {} }, { require: { groups: ['in'] } }),
      'keys.yaml': secret('keys', Object.fromEntries(many.map((i) => [`k${i}`, hashOf(i)]))),
      'consumers.yaml': many
        .map((i) =>
          JSON.stringify({
            ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: metadata(`c-${i}`) },
            spec: {
              groups: ['in'],
              credentials: [{ apiKey: { secretRef: { name: 'keys', key: `k${i}` } } }],
            },
          }),
        )
        .join('\n---\n'),
      'last.yaml': consumer('last', { groups: ['out'], credentials: keyOf('last') }),
      'last-key.yaml': secret('last', { key: 'last-key' }),
    },
  });
  for (const i of [0, 4_711, 9_999]) expect(await status(`X-API-Key: key-${i}`)).toBe(200);
  expect([await status('X-API-Key: key-10000'), await status('X-API-Key: last-key')]).toEqual([401, 403]);
  gateway.write('last.yaml', consumer('last', { groups: ['in'], credentials: keyOf('last') }));
  await until(async () => (await status('X-API-Key: last-key')) === 200, 'the change holds');
});

it('a rule whose Secret is missing is closed, not open, and opens when it comes', async () => {
  const htpasswd = { basic: { htpasswd: { secretRef: { name: 'users' } } } };
  gateway = await startGateway({ files: { 'route.yaml': all(htpasswd) } });
  expect([await status(), await status(basicAuth('ann:x'))]).toEqual([500, 500]);
  gateway.write('users.yaml', secret('users', { auth: 'ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=' }));
  await until(async () => (await status(basicAuth('ann:correct horse'))) === 200, 'it opens');
  expect(await status(basicAuth('ann:wrong'))).toBe(401);
  gateway.folder.remove('gateway.d/users.yaml');
  await until(async () => (await status(basicAuth('ann:correct horse'))) === 500, 'it closes');
});
