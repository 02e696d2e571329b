import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { until } from '../../test/e2e/support/wait.ts';
import { OutboundClient } from './client.ts';
import { freshForMs } from './freshness.ts';
import { KeptDocument } from './kept-document.ts';
import { endless, type Handler, hanging, json, stalling, TestProvider } from './testing.ts';

let provider: TestProvider;
let client: OutboundClient;
let document: KeptDocument<{ n: number }>;
let logged: string[] = [];

// Loading it takes longer than these tests let a call take.
beforeAll(() => import('undici'));
beforeEach(async () => {
  provider = await TestProvider.start(json({ n: 1 }));
  client = new OutboundClient({ allowLoopback: true, allowLinkLocal: false });
  logged = [];
});
afterEach(async () => {
  document.close();
  await client.close();
  await provider.stop();
});

function keep(ageMs = 3_600_000): void {
  document = new KeptDocument({
    client,
    url: new URL('/keys?secret=1', provider.url),
    timeoutMs: 1_000,
    maxBytes: 100_000,
    ...{ minAgeMs: ageMs, maxAgeMs: ageMs, defaultAgeMs: ageMs },
    parse: (body) => {
      const value = JSON.parse(body.toString()) as { n: number };
      if (typeof value.n !== 'number') throw new Error('no n');
      return value;
    },
    log: (level, message) => logged.push(`${level} ${message.replace(provider.url, '')}`),
  });
}

test('it is fetched at once, and listeners hear of what has changed only', async () => {
  let changes = 0;
  keep(1);
  document.onChange(() => changes++);
  expect(document.value).toBeNull();
  await document.pending;
  expect([document.value, changes]).toEqual([{ n: 1 }, 1]);
  await until(() => provider.asked.length >= 4, 'it is fetched again in time');
  expect(changes).toBe(1);
  provider.handler = json({ n: 2 });
  await until(() => document.value?.n === 2, 'the change is seen');
  expect(changes).toBe(2);
});

describe('the last good one is kept while the provider', () => {
  const redirects: Handler = (_, response) => {
    response.writeHead(302, { location: '/other' }).end();
  };
  const nothing: Handler = (_, response) => response.destroy();
  it.each<[string, Handler, RegExp]>([
    ['hangs', hanging, /no answer in 1000 ms/],
    ['stalls', stalling, /no answer in 1000 ms/],
    ['redirects', redirects, /status 302/],
    ['answers 500', json({}, {}, 500), /status 500/],
    ['sends without end', endless, /more than 100000 bytes/],
    ['sends no JSON', (_, response) => response.end('<html>'), /not valid JSON/],
    ['sends something else', json({ m: 1 }), /no n/],
    ['closes', nothing, /cannot be fetched/],
  ])('%s', async (_, handler, message) => {
    keep();
    await document.pending;
    provider.handler = handler;
    await document.refetch();
    expect(document.value).toEqual({ n: 1 });
    expect(logged).toEqual([expect.stringMatching(message)]);
    expect(logged[0]).toContain('warn /keys: cannot be fetched');
    expect(logged[0]).toContain('the last one that came is kept');
  });
});

test('a provider that comes back is noticed without a request', async () => {
  provider.handler = json({}, {}, 503);
  keep();
  await document.pending;
  expect(document.value).toBeNull();
  provider.handler = json({ n: 3 });
  await until(() => document.value?.n === 3, 'it is tried again');
  expect(logged).toEqual([expect.stringContaining('there is none yet'), 'info /keys: it is there again']);
});

test('out of turn: once for a thousand that ask, then not for a while', async () => {
  keep();
  await document.pending;
  await Promise.all(Array.from({ length: 1000 }, () => document.refetch()));
  expect(provider.asked.length).toBe(2);
  expect(document.refetch()).toBeNull();
});

test.each([
  ['', 600],
  ['max-age=120', 120],
  ['public, max-age="300", must-revalidate', 300],
  ['max-age=1', 60],
  ['max-age=99999999', 3600],
  ['no-store, max-age=1000', 60],
  ['x-max-age=100', 600],
])('Cache-Control: %s is kept for about %d s', (header, seconds) => {
  const bounds = { minAgeMs: 60_000, maxAgeMs: 3_600_000, defaultAgeMs: 600_000 };
  const ms = freshForMs(header, bounds);
  expect(ms).toBeLessThanOrEqual(seconds * 1000);
  expect(ms).toBeGreaterThanOrEqual(seconds * 900);
});
