import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Policies in shadow mode in a running gateway. */
let upstream: RecordingUpstream;
let gateway: Gateway;

const limits = [{ name: 'tight', key: [{ constant: 'all' }], tokenBucket: { capacity: 1, rate: '1/d' } }];
const broken = { scope: 'cluster', store: { redis: { ref: 'nowhere' } }, limits };

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  gateway = await startGateway({
    settings: { policies: [{ ipAccess: { deny: ['127.0.0.0/8'] }, shadow: true }] },
    files: {
      'route.yaml': route('all', [
        forward('/limited', upstream.port, { policies: [{ rateLimit: { limits }, shadow: true }] }),
        forward('/edited', upstream.port, {
          policies: [{ shadow: true, requestHeaders: { set: [{ name: 'X-Set', value: 'a' }] } }],
        }),
        forward('/missing', upstream.port, { policies: [{ rateLimit: { ref: 'nothing' }, shadow: true }] }),
        forward('/broken', upstream.port, { policies: [{ rateLimit: broken, shadow: true }] }),
        { ...prefix('/acts'), respond: {}, policies: [{ rateLimit: broken }] },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

it('nothing is refused or changed, and everything is counted', async () => {
  for (let i = 0; i < 3; i++) expect((await get(gateway.port, '/limited')).status).toBe(200);
  expect((await get(gateway.port, '/edited')).status).toBe(200);
  expect(upstream.last.header('x-set')).toBeNull();
  const shown = async () => {
    const { text } = await gateway.admin('/metrics');
    const all = text.matchAll(/gateway_policy_shadow_total\{policy="(\w+)",outcome="(\w+)"\} ([1-9]\d*)/g);
    return [...all].map(([, policy, outcome, count]) => `${policy} ${outcome} ${count}`).sort();
  };
  const expected = [
    'ipAccess replied 4',
    'rateLimit passed 1',
    'rateLimit replied 2',
    'requestHeaders edited 1',
  ];
  await until(async () => (await shown()).join() === expected.join(), `the counts are ${expected}`);
  expect(gateway.log).toContain('policy rateLimit in shadow mode would have answered 429');
});

it('what can not be built is told, and its rule serves; one that acts closes its own', async () => {
  expect((await get(gateway.port, '/missing')).status).toBe(200);
  expect((await get(gateway.port, '/broken')).status).toBe(200);
  expect((await get(gateway.port, '/acts')).status).toBe(500);
  expect(gateway.log).toContain('RateLimitPolicy/default/nothing');
  expect(gateway.log).toContain('no redis connection \\"nowhere\\"');
});
