import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { Cached, FRESH } from './cached.ts';

let cached: Cached;
beforeAll(async () => {
  cached = await Cached.start({ shop: [{ cache: {} }], other: [{ cache: {} }] });
  cached.says(({ target }, count) => ({
    lines: [FRESH, `Cache-Tag: all, tag-${target.length}`, 'Surrogate-Key: s1 s2'],
    body: `${target} ${count}`,
  }));
});
afterAll(() => cached.stop());

/** More than once, so that every thread has a copy of its own. */
async function warm(path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  for (let i = 0; i < 8; i++) await cached.get(path, headers);
}

/** What all threads answer. */
async function bodies(
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<ReadonlySet<string>> {
  const got = await Promise.all(Array.from({ length: 8 }, () => cached.get(path, headers)));
  return new Set(got.map(({ body }) => body));
}

function admin(path: string, options: http.RequestOptions = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { adminPort } = cached.gateway;
    const request = http.request(
      { host: '127.0.0.1', port: adminPort, path, method: 'DELETE', agent: false, ...options },
      (message) => {
        let text = '';
        message.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        message.on('end', () => resolve({ status: message.statusCode!, text }));
      },
    );
    request.on('error', reject).end();
  });
}

describe('DELETE /cache', () => {
  it('forgets a URL on every thread, with any query or with one', async () => {
    for (const path of ['/u', '/u?q=1', '/u?q=2', '/u/v']) await warm(path);
    const one = await admin('/cache?url=http://shop.test/u%3Fq=1');
    expect([one.status, JSON.parse(one.text)]).toEqual([200, { memory: 1, redis: [] }]);
    expect(await bodies('/u?q=1')).toEqual(new Set(['/u?q=1 2']));
    expect(await bodies('/u?q=2')).toEqual(new Set(['/u?q=2 1']));
    await admin('/cache?url=http://shop.test/u');
    expect(await bodies('/u')).toEqual(new Set(['/u 2']));
    expect(await bodies('/u?q=2')).toEqual(new Set(['/u?q=2 2']));
    expect(await bodies('/u/v')).toEqual(new Set(['/u/v 1']));
  });

  it('forgets by tag, which clients do not see', async () => {
    for (const path of ['/t1', '/t22', '/t333']) await warm(path);
    expect((await cached.get('/t1')).header('cache-tag')).toBeNull();
    expect((await cached.get('/t-new')).header('surrogate-key')).toBeNull();
    await admin('/cache?tag=tag-3&tag=tag-4');
    expect(await bodies('/t1')).toEqual(new Set(['/t1 2']));
    expect(await bodies('/t22')).toEqual(new Set(['/t22 2']));
    expect(await bodies('/t333')).toEqual(new Set(['/t333 1']));
    await admin('/cache?tag=s2');
    expect(await bodies('/t333')).toEqual(new Set(['/t333 2']));
  });

  it('forgets a route, or all', async () => {
    const other = { Host: 'other.test' };
    await warm('/r');
    await warm('/o', other);
    await admin('/cache?route=default/shop');
    expect(await bodies('/r')).toEqual(new Set(['/r 2']));
    expect(await bodies('/o', other)).toEqual(new Set(['/o 1']));
    await admin('/cache?all');
    expect(await bodies('/r')).toEqual(new Set(['/r 3']));
    expect(await bodies('/o', other)).toEqual(new Set(['/o 2']));
  });

  it('does not keep what was on its way when it was purged', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    cached.says(({ target }, count) => ({
      lines: [FRESH, 'Cache-Tag: moving'],
      body: `${target} ${count}`,
      ...(count === 1 ? { after: promise } : {}),
    }));
    const first = cached.get('/moving');
    await until(() => cached.asked('/moving') === 1, 'the backend is asked');
    await admin('/cache?tag=moving');
    resolve();
    expect((await first).body).toBe('/moving 1');
    expect(await bodies('/moving')).toEqual(new Set(['/moving 2']));
  });

  it.each([
    ['/cache', 400],
    ['/cache?url=/u', 400],
    ['/cache?url=http://shop.test/u&tag=a', 400],
    ['/cache?route=shop', 400],
    ['/cache?tag=', 400],
  ])('%s is refused', async (path, status) => {
    expect((await admin(path)).status).toBe(status);
  });

  it('is only for whoever is on this machine, and asks for it', async () => {
    expect((await admin('/cache?all', { headers: { Host: 'evil.test' } })).status).toBe(421);
    expect((await admin('/cache?all', { method: 'POST' })).status).toBe(405);
    expect((await admin('/cache?all', { method: 'GET' })).status).toBe(405);
    expect((await admin('/metrics')).status).toBe(405);
  });
});

describe('an unsafe request that succeeds', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PURGE'])(
    '%s makes void what it names, for every variant',
    async (method) => {
      const path = `/unsafe/${method}`;
      cached.says((request, count) => ({
        lines: [FRESH, 'Vary: X-V'],
        body: `${request.header('x-v')} ${count}`,
      }));
      await warm(path, { 'X-V': 'a' });
      await warm(path, { 'X-V': 'b' });
      await cached.get(path, {}, { method });
      expect(await bodies(path, { 'X-V': 'a' })).toEqual(new Set(['a 4']));
      expect(await bodies(path, { 'X-V': 'b' })).toEqual(new Set(['b 5']));
    },
  );

  it('also what it says it has changed, on the same host', async () => {
    for (const path of ['/list', '/item/1', '/item/2']) {
      cached.says(({ target }, count) => ({ lines: [FRESH], body: `${target} ${count}` }));
      await warm(path);
    }
    await warm('/elsewhere', { Host: 'other.test' });
    cached.says({
      status: 201,
      lines: ['Location: /item/1', 'Content-Location: http://other.test/elsewhere'],
    });
    await cached.get('/list', {}, { method: 'POST' });
    cached.says(({ target }, count) => ({ lines: [FRESH], body: `${target} ${count}` }));
    expect(await bodies('/list')).toEqual(new Set(['/list 3']));
    expect(await bodies('/item/1')).toEqual(new Set(['/item/1 2']));
    expect(await bodies('/item/2')).toEqual(new Set(['/item/2 1']));
    expect(await bodies('/elsewhere', { Host: 'other.test' })).toEqual(new Set(['/elsewhere 1']));
  });

  it('not one that fails', async () => {
    cached.says(({ target }, count) => ({ lines: [FRESH], body: `${target} ${count}` }));
    await warm('/fails');
    cached.says({ status: 409 });
    await cached.get('/fails', {}, { method: 'POST' });
    expect(await bodies('/fails')).toEqual(new Set(['/fails 1']));
  });
});
