import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { SECRET, tokenOf } from '../../src/policies/jwt/testing.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Policies of portreeve.yaml that refer to Secrets and Consumers, in a running gateway. */
let upstream: RecordingUpstream;
let gateway: Gateway;
beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering('one'));
});
afterAll(() => upstream?.stop());
afterEach(() => gateway?.stop());

const NEW = `${SECRET}, changed`;
const object = (kind: string, name: string, rest: object, namespace = 'team') =>
  stringify({
    apiVersion: kind === 'Secret' ? 'v1' : 'portreeve.dev/v1alpha1',
    ...{ kind, metadata: { name, namespace } },
    ...rest,
  });
const secret = (name: string, stringData: object) => object('Secret', name, { stringData });
const exp = Math.floor(Date.now() / 1000) + 3600;
const token = (key: string) => `Authorization: Bearer ${tokenOf({ claims: { exp }, key })}`;
const status = async (...lines: readonly string[]) => (await get(gateway.port, '/', ...lines)).status;
/** Each of the threads is asked. */
const every = async (wanted: number, ...lines: readonly string[]) => {
  for (let i = 0; i < 8; i++) if ((await status(...lines)) !== wanted) return false;
  return true;
};

it('the Secret of a jwt of every route is rotated while traffic runs', async () => {
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [forward('/', upstream.port)]),
      'key.yaml': secret('issuer', { secret: SECRET }),
    },
    settings: { policyNamespace: 'team', policies: [{ jwt: { keys: [{ secretRef: { name: 'issuer' } }] } }] },
    threads: 2,
  });
  expect([await every(200, token(SECRET)), await status(token(NEW)), await status()]).toEqual([
    true,
    401,
    401,
  ]);
  gateway.write('key.yaml', secret('issuer', { secret: NEW }));
  await until(() => every(200, token(NEW)), 'the new key counts');
  expect(await every(401, token(SECRET))).toBe(true);
  // A Secret that goes closes what needs it, and never opens it.
  gateway.write('key.yaml', object('Secret', 'other', { stringData: {} }));
  await until(() => every(500, token(NEW)), 'the rule is closed');
  gateway.write('key.yaml', secret('issuer', { secret: SECRET }));
  await until(() => every(200, token(SECRET)), 'the rule is open again');
});

it('Consumers of its namespace are known on routes of others, with their limits and policies', async () => {
  const limits = [{ name: 'gold', key: [{ consumer: {} }], tokenBucket: { capacity: 5, rate: '1/d' } }];
  const acme = {
    credentials: [{ apiKey: { secretRef: { name: 'acme' } } }],
    rateLimit: { ref: 'gold' },
    policies: [{ requestHeaders: { set: [{ name: 'X-Plan', value: 'gold' }] } }],
  };
  const eve = { credentials: [{ apiKey: { secretRef: { name: 'eve' } } }] };
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [forward('/', upstream.port)]),
      'acme.yaml': object('Consumer', 'acme', { spec: acme }),
      'acme-key.yaml': secret('acme', { key: 'acme-key' }),
      'gold.yaml': object('RateLimitPolicy', 'gold', { spec: { limits } }),
      // Of the route's own namespace: not one of those that are asked for.
      'eve.yaml': object('Consumer', 'eve', { spec: eve }, 'default'),
      'eve-key.yaml': object('Secret', 'eve', { stringData: { key: 'eve-key' } }, 'default'),
    },
    settings: {
      policyNamespace: 'team',
      policies: [
        { apiKey: {} },
        { rateLimit: { limits: [{ ...limits[0], name: 'all', tokenBucket: { capacity: 1, rate: '1/d' } }] } },
      ],
    },
    threads: 2,
  });
  const sent = [];
  for (let i = 0; i < 7; i++) sent.push(await status('X-API-Key: acme-key'));
  expect(sent).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const last = upstream.requests.at(-1)!;
  expect([last.header('x-plan'), last.header('x-consumer-name')]).toEqual(['gold', 'acme']);
  expect([await status('X-API-Key: eve-key'), await status()]).toEqual([401, 401]);
});
