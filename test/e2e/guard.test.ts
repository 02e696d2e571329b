import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { burst, count } from './support/burst.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, RawClient } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Whoever guesses passwords, against a gateway of two threads. */

const bucket = (capacity: number) => ({ tokenBucket: { capacity, rate: '1/d' } });
const byAddress = [{ clientAddress: {} }];
const policy = (spec: object) =>
  stringify({ apiVersion: 'portreeve.dev/v1alpha1', kind: 'RateLimitPolicy', ...spec });
const basic = { basic: { htpasswd: { secretRef: { name: 'users' } } } };
const guard = (limit: object) => ({ rateLimit: { before: 'authentication', limits: [limit] } });
const ann = (word: string) => `Authorization: Basic ${Buffer.from(`ann:${word}`).toString('base64')}`;

let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  gateway = await startGateway({
    threads: 2,
    settings: { trustedProxies: ['127.0.0.1/32'] },
    files: {
      'users.yaml': stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'users', namespace: 'default' },
        stringData: { auth: 'ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=' },
      }),
      'policy.yaml': policy({
        metadata: { name: 'by-user', namespace: 'default' },
        spec: { limits: [{ name: 'users', key: [{ user: {} }], ...bucket(1) }] },
      }),
      'route.yaml': route('all', [
        forward('/guessed', upstream.port, {
          policies: [basic, guard({ name: 'guesses', key: byAddress, ...bucket(5), statuses: ['401'] })],
        }),
        {
          ...prefix('/exact'),
          respond: {},
          policies: [basic, guard({ name: 'exact', key: byAddress, ...bucket(60) })],
        },
        {
          ...prefix('/wrong'),
          respond: {},
          policies: [basic, { rateLimit: { ref: 'by-user', before: 'authentication' } }],
        },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const from = (address: string) => `X-Forwarded-For: ${address}`;
const enter = (word: string, address: string) => get(gateway.port, '/guessed', ann(word), from(address));

describe('guesses', () => {
  it('are counted over both threads, and good passwords are not', async () => {
    for (let i = 0; i < 12; i++) expect((await enter('correct horse', '192.0.2.1')).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await enter(`wrong-${i}`, '192.0.2.1')).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    // On every thread, for everybody at that address, and for nobody else.
    for (let i = 0; i < 6; i++) {
      const refused = await enter('correct horse', '192.0.2.1');
      expect([refused.status, headerOf(refused, 'x-ratelimit-limit-type')]).toEqual([429, 'guesses']);
      expect(Number(headerOf(refused, 'retry-after'))).toBeGreaterThan(0);
      expect((await enter('correct horse', '192.0.2.2')).status).toBe(200);
    }
    const hits = async () =>
      (await gateway.admin('/metrics')).text.match(/rate_limit_hits_total\{[^}]*"guesses"[^}]*\} (\d+)/);
    await until(async () => Number((await hits())?.[1]) === 9, 'the refusals are counted');
  });

  it('on one connection, pipelined, are all counted', async () => {
    const client = await RawClient.connect(gateway.port);
    const one = `GET /guessed HTTP/1.1\r\nHost: a\r\n${ann('no')}\r\n${from('192.0.2.3')}\r\n\r\n`;
    client.write(one.repeat(20));
    const answers = await client.answers(20, Array(20).fill('GET'));
    client.destroy();
    expect(answers.map(({ status }) => status)).toEqual([...Array(5).fill(401), ...Array(15).fill(429)]);
  });
});

it('without statuses everyone counts, exactly, whoever it turns out to be', async () => {
  const statuses = await burst(gateway.port, '/exact', 20, 10);
  expect([count(statuses, 401), count(statuses, 429)]).toEqual([60, 140]);
});

it('limits by user of a RateLimitPolicy close the rule, and say why', async () => {
  expect((await get(gateway.port, '/wrong')).status).toBe(500);
  expect(gateway.log).toContain("limit users can't have user in its key");
});
