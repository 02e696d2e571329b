import { afterEach, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { SECRET, tokenOf } from '../../src/policies/jwt/testing.ts';
import { burst, count } from './support/burst.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get } from './support/raw-client.ts';
import { RedisProcess } from './support/redis.ts';
import { forward, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** What a Consumer brings along: limits of its tier and policies, by credentials over sockets. */
let gateway: Gateway | null = null;
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await gateway?.stop();
  gateway = null;
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const object = (kind: string, name: string, rest: object) =>
  stringify({
    apiVersion: kind === 'Secret' ? 'v1' : 'portreeve.dev/v1alpha1',
    ...{ kind, metadata: { name, namespace: 'default' } },
    ...rest,
  });
const secret = (name: string, stringData: object) => object('Secret', name, { stringData });
const consumer = (name: string, spec: object) => object('Consumer', name, { spec });
const keyOf = (name: string) => ({ apiKey: { secretRef: { name } } });
const byKey = (key: string) => `X-API-Key: ${key}`;
const expires = Math.floor(Date.now() / 1000) + 3600;
const byToken = (claims: object) =>
  `Authorization: Bearer ${tokenOf({ claims: { exp: expires, ...claims } })}`;
const AUTHENTICATE = {
  authenticate: { anyOf: [{ apiKey: {} }, { jwt: { keys: [{ secretRef: { name: 'issuer' } }] } }] },
};
const KEYS = {
  'key-gold.yaml': secret('key-gold', { key: 'gold-key' }),
  'issuer.yaml': secret('issuer', { secret: SECRET }),
};

async function start(policies: readonly object[], files: Record<string, string>, settings: object = {}) {
  const upstream = await RecordingUpstream.start(answering('one'));
  servers.push(upstream);
  const rule = forward('/', upstream.port, { policies });
  gateway = await startGateway({
    files: { 'route.yaml': route('all', [rule]), ...KEYS, ...files },
    settings: settings as Record<string, unknown>,
    threads: 2,
  });
  return { upstream, port: gateway.port };
}

it.each(['local', 'cluster'])(
  'tiers, scope %s: each Consumer has its own limit, whatever proves it',
  async (scope) => {
    const store: { scope: string; store?: object } = { scope };
    let settings = {};
    if (scope === 'cluster') {
      const redis = await RedisProcess.server();
      servers.push(redis);
      store.store = { redis: { ref: 'counts' }, onFailure: 'closed' };
      settings = { redis: [{ name: 'counts', address: `127.0.0.1:${redis.port}`, timeout: '5s' }] };
    }
    const tier = (name: string, capacity: number) =>
      object('RateLimitPolicy', name, {
        spec: {
          ...store,
          limits: [{ name, key: [{ consumer: {} }], tokenBucket: { capacity, rate: '1/d' } }],
        },
      });
    const limits = [{ name: 'route', key: [{ consumer: {} }], tokenBucket: { capacity: 3, rate: '1/d' } }];
    const { port } = await start(
      [AUTHENTICATE, { rateLimit: { ...store, limits } }],
      {
        'gold.yaml': tier('gold', 20),
        'silver.yaml': tier('silver', 8),
        'a.yaml': consumer('a', { rateLimit: { ref: 'gold' }, credentials: [keyOf('key-gold')] }),
        'b.yaml': consumer('b', {
          rateLimit: { ref: 'gold' },
          credentials: [{ jwt: { claim: 'iss', equals: 'b' } }],
        }),
        'c.yaml': consumer('c', {
          ...{ rateLimit: { ref: 'silver' } },
          credentials: [{ jwt: { claim: 'iss', equals: 'c' } }, keyOf('key-c')],
        }),
        'key-c.yaml': secret('key-c', { key: 'silver-key' }),
        'd.yaml': consumer('d', { credentials: [{ jwt: { claim: 'iss', equals: 'd' } }] }),
      },
      settings,
    );
    await until(async () => (await get(port, '/', byToken({ iss: 'nobody' }))).status === 200, 'it counts');
    const admitted = async (line: string, sent = 30) => count(await burst(port, '/', 5, sent / 5, line), 200);
    expect(await admitted(byKey('gold-key'))).toBe(20);
    expect(await admitted(byToken({ iss: 'b' }))).toBe(20);
    // One Consumer has one bucket, by whatever credential it comes.
    expect((await admitted(byToken({ iss: 'c' }), 5)) + (await admitted(byKey('silver-key')))).toBe(8);
    expect(await admitted(byToken({ iss: 'd' }))).toBe(3);
    const refused = await get(port, '/', byKey('gold-key'));
    expect([refused.status, headerOf(refused, 'x-ratelimit-limit-type')]).toEqual([429, 'gold']);
  },
);

it('kept answers of one tenant are never those of another, by token or key', async () => {
  const upstream = await RecordingUpstream.start((request, connection) => {
    const who = [request.header('x-consumer-name'), request.header('x-user-id')].join();
    return answering(who, 'Cache-Control: max-age=60, public')(request, connection);
  });
  servers.push(upstream);
  const cached = (policies: readonly object[]) => forward('/', upstream.port, { policies });
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [cached([AUTHENTICATE, { cache: { authorization: 'ignore' } }])]),
      ...KEYS,
      'a.yaml': consumer('a', {
        credentials: [keyOf('key-gold'), { jwt: { claim: 'tenant', equals: 'a' } }],
      }),
      'b.yaml': consumer('b', { credentials: [{ jwt: { claim: 'tenant', equals: 'b' } }] }),
    },
    threads: 2,
  });
  const { port } = gateway;
  const clients: [string, string][] = [
    [byToken({ tenant: 'a', sub: 'ann' }), 'a,ann'],
    [byToken({ tenant: 'b', sub: 'ann' }), 'b,ann'],
    [byToken({ tenant: 'b', sub: 'bob' }), 'b,bob'],
    [byToken({ sub: 'ann' }), ',ann'],
    [byKey('gold-key'), 'a,'],
  ];
  for (let round = 0; round < 4; round++) {
    for (const [line, who] of clients) {
      const answer = await get(port, '/page', line);
      expect([answer.status, answer.body]).toEqual([200, who]);
    }
  }
  expect(upstream.requests).toHaveLength(clients.length);
});

it('policies of a Consumer run for its requests, come and go, and a bad one closes those alone', async () => {
  const own = (policies: readonly object[]) => consumer('a', { credentials: [keyOf('key-gold')], policies });
  const { port, upstream } = await start([AUTHENTICATE], {
    'a.yaml': consumer('a', { credentials: [keyOf('key-gold')] }),
    'b.yaml': consumer('b', { credentials: [{ jwt: { claim: 'iss', equals: 'b' } }] }),
  });
  const ask = (target = '/') => get(port, target, byKey('gold-key'));
  const other = async () => (await get(port, '/', byToken({ iss: 'b' }))).status;
  const told = () => upstream.requests.at(-1)!.header('x-plan');
  const changed = async (policies: readonly object[]) => {
    const before = await gateway!.generation();
    gateway!.write('a.yaml', own(policies));
    await until(async () => {
      const config = JSON.parse((await gateway!.admin('/config')).text) as {
        generation: number;
        threads: readonly { generation: number }[];
      };
      return (
        config.generation > before && config.threads.every((one) => one.generation === config.generation)
      );
    }, 'every thread has it');
  };
  expect([(await ask()).status, told()]).toEqual([200, null]);
  await changed([
    { requestHeaders: { set: [{ name: 'X-Plan', value: 'premium' }] } },
    { responseHeaders: { set: [{ name: 'X-Served', value: 'fast' }] } },
    { require: { expressions: ['request.path != "/closed"'] } },
  ]);
  for (let i = 0; i < 6; i++) {
    const answer = await ask();
    expect([answer.status, headerOf(answer, 'x-served'), told()]).toEqual([200, 'fast', 'premium']);
  }
  expect([(await ask('/closed')).status, await other(), told()]).toEqual([403, 200, null]);
  await changed([{ cors: { origins: ['https://a.example'] } }]);
  for (let i = 0; i < 6; i++) {
    const closed = await ask();
    expect([closed.status, closed.body]).toEqual([
      500,
      expect.stringContaining('The policies of this consumer are not available.'),
    ]);
    expect(await other()).toBe(200);
  }
  expect((await gateway!.admin('/config')).text).toMatch(/its phase, edge, has passed/);
  // What only shows on the threads is told by them.
  await changed([
    {
      rateLimit: { scope: 'replicas', limits: [{ name: 'l', key: [{ route: {} }], windows: { minute: 5 } }] },
    },
  ]);
  expect([(await ask()).status, await other()]).toEqual([500, 200]);
  await until(
    async () => (await gateway!.admin('/config')).text.includes('does not say how many there are'),
    'it is told',
  );
  await changed([{ requestHeaders: { set: [{ name: 'X-Plan', value: 'basic' }] } }]);
  expect([(await ask()).status, told()]).toEqual([200, 'basic']);
});
