import { afterEach, expect, it } from 'vitest';
import { burst, count } from './support/burst.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get } from './support/raw-client.ts';
import { RedisProcess } from './support/redis.ts';
import { forward, prefix, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Limits that replicas share without a store, and such as are taken when the answer has come. */
let gateways: Gateway[] = [];
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  gateways = [];
});

const key = [{ constant: 'all' }];
const bucket = (capacity: number) => ({ tokenBucket: { capacity, rate: '1/d' } });

it('scope replicas: three gateways of two threads never admit more than the limit', async () => {
  const policies = [{ rateLimit: { scope: 'replicas', limits: [{ name: 'l', key, ...bucket(100) }] } }];
  const files = { 'route.yaml': route('all', [{ ...prefix('/'), respond: {}, policies }]) };
  const settings = { rateLimits: { replicas: { count: 3 } } };
  gateways = await Promise.all([1, 2, 3].map(() => startGateway({ threads: 2, files, settings })));
  const each = await Promise.all(gateways.map(({ port }) => burst(port, '/', 10, 10)));
  expect(each.map((statuses) => count(statuses, 200))).toEqual([33, 33, 33]);
});

it('scope replicas: as many as a name has addresses, and a rule is closed where nobody says', async () => {
  const policies = [{ rateLimit: { scope: 'replicas', limits: [{ name: 'l', key, ...bucket(10) }] } }];
  const files = { 'route.yaml': route('all', [{ ...prefix('/'), respond: {}, policies }]) };
  const settings = { rateLimits: { replicas: { dns: 'localhost' } } };
  gateways = [await startGateway({ files, settings }), await startGateway({ files })];
  expect(count(await burst(gateways[0]!.port, '/', 2, 10), 200)).toBe(10);
  expect((await get(gateways[1]!.port, '/')).status).toBe(500);
  expect(gateways[1]!.log).toContain('does not say how many there are');
});

it.each([['local'], ['cluster']])('scope %s: what the answer costs is taken after it', async (scope) => {
  const upstream = await RecordingUpstream.start(answering('ok', 'X-Cost: 40'));
  const redis = await RedisProcess.server();
  servers.push(upstream, redis);
  const limits = [{ name: 'tokens', key, ...bucket(100), costResponseHeader: 'X-Cost' }];
  const store = scope === 'cluster' ? { store: { redis: { ref: 'counts' }, onFailure: 'closed' } } : {};
  const policies = [{ rateLimit: { scope, ...store, limits, headers: 'standard' } }];
  gateways = [
    await startGateway({
      files: { 'route.yaml': route('all', [forward('/', upstream.port, { policies })]) },
      settings: { redis: [{ name: 'counts', address: `127.0.0.1:${redis.port}`, timeout: '5s' }] },
    }),
  ];
  const { port } = gateways[0]!;
  let answer = await get(port, '/');
  await until(async () => {
    if (answer.status === 503) answer = await get(port, '/');
    return answer.status === 200;
  }, 'it counts');
  expect(headerOf(answer, 'x-cost')).toBeNull();
  const left = async () => {
    const one = await get(port, '/');
    return `${one.status} ${/r=(\d+)/.exec(headerOf(one, 'ratelimit') ?? '')?.[1]}`;
  };
  // 100 - 40 - 40 - 40: the third is admitted with what is left, and leaves a debt.
  expect([await left(), await left(), await left()]).toEqual(['200 59', '200 19', '429 0']);
});
