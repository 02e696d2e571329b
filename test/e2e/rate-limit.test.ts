import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { burst, count } from './support/burst.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, head, RawClient } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { answering, ok, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Limits of a running gateway with two threads. */
let upstream: RecordingUpstream;
let gateway: Gateway;

const key = [{ constant: 'all' }];
const bucket = (capacity: number) => ({ tokenBucket: { capacity, rate: '1/d' } });
const inline = (name: string, capacity: number) => [
  { rateLimit: { limits: [{ name, key, ...bucket(capacity) }] } },
];

function policy(name: string, capacity: number): string {
  return stringify({
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'RateLimitPolicy',
    metadata: { name, namespace: 'default' },
    spec: { limits: [{ name: 'shared', key, ...bucket(capacity) }] },
  });
}

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  gateway = await startGateway({
    threads: 2,
    files: {
      'policy.yaml': policy('standard', 2),
      'route.yaml': route('all', [
        { ...prefix('/load'), respond: {}, policies: inline('exact', 500) },
        forward('/retry', upstream.port, {
          policies: inline('retried', 3),
          retry: { attempts: 2, when: ['503'], backoff: { linear: { base: '1ms', max: '2ms' } } },
        }),
        forward('/slow', upstream.port, { policies: [{ concurrencyLimit: { max: 3, name: 'slow' } }] }),
        { ...prefix('/one'), respond: {}, policies: [{ rateLimit: { ref: 'standard' } }] },
        { ...prefix('/two'), respond: {}, policies: [{ rateLimit: { ref: 'standard' } }] },
        { ...prefix('/later'), respond: {}, policies: [{ rateLimit: { ref: 'later' } }] },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe('a limit of N over two threads', () => {
  it('admits N under load, and counts what it refuses', async () => {
    const statuses = await burst(gateway.port, '/load', 40, 25);
    expect([count(statuses, 200), count(statuses, 429)]).toEqual([500, 500]);
    const hits = async () =>
      (await gateway.admin('/metrics')).text.match(/rate_limit_hits_total\{[^}]*"exact"[^}]*\} (\d+)/);
    await until(async () => Number((await hits())?.[1]) === 500, 'the refusals are counted');
  });

  it('counts a request once, however often it is tried', async () => {
    let tries = 0;
    upstream.script = async (request, connection) => {
      await request.whole();
      tries++;
      connection.write(ok().replace('200 OK', '503 Service Unavailable'));
    };
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await get(gateway.port, '/retry')).status);
    expect(statuses).toEqual([503, 503, 503, 429, 429]);
    expect(tries).toBe(9);
    upstream.script = answering();
  });
});

it('requests under way: no more than may be over both threads, and their places come back', async () => {
  const waiting: (() => void)[] = [];
  upstream.script = async (request, connection) => {
    await request.whole();
    waiting.push(() => connection.write(ok()));
  };
  for (let round = 0; round < 3; round++) {
    const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(gateway.port)));
    for (const client of clients) client.write(head('GET /slow'));
    const refused = () => clients.filter((client) => client.responses()[0]?.status === 429);
    await until(() => refused().length === 9 && waiting.length === 3, 'three wait, nine are refused');
    expect(headerOf(refused()[0]!.responses()[0]!, 'x-ratelimit-limit-type')).toBe('slow');
    // A client that leaves gives its place back as well.
    clients.find((client) => client.text === '')!.destroy();
    for (const go of waiting.splice(0)) go();
    await until(
      () => clients.filter((client) => client.responses()[0]?.status === 200).length === 2,
      'two are answered',
    );
    for (const client of clients) client.destroy();
  }
  upstream.script = answering();
});

describe('a RateLimitPolicy', () => {
  it('has one bucket for all rules that name it', async () => {
    const statuses: number[] = [];
    for (const target of ['/one', '/two', '/one', '/two'])
      statuses.push((await get(gateway.port, target)).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
  });

  it('that is not there keeps its rules shut, and only those, until it comes', async () => {
    expect((await get(gateway.port, '/later')).status).toBe(500);
    expect(gateway.log).toContain('RateLimitPolicy/default/later');
    gateway.write('later.yaml', policy('later', 1));
    await until(async () => (await get(gateway.port, '/later')).status !== 500, 'the rule opens');
    expect((await get(gateway.port, '/later')).status).toBe(429);
  });

  it('that changes is obeyed', async () => {
    expect((await get(gateway.port, '/one')).status).toBe(429);
    gateway.write('policy.yaml', policy('standard', 4));
    await until(async () => (await get(gateway.port, '/one')).status === 200, 'the new limit serves');
    expect(count(await burst(gateway.port, '/two', 1, 5), 200)).toBe(3);
  });
});
