import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/wait.ts';
import { Cached } from './cached.ts';

let cached: Cached;
beforeAll(async () => {
  cached = await Cached.start(
    {
      shop: [{ cache: { staleIfError: '1h' } }],
      plain: [{ cache: {} }],
      eager: [{ cache: { staleWhileRevalidate: '1h' } }],
      fixed: [{ cache: { ttl: '1s', errorTtl: [{ status: 404, ttl: '1h' }] } }],
    },
    { settings: { timeouts: { backend: '2s' } } },
  );
});
afterAll(() => cached.stop());
const PLAIN = { Host: 'plain.test' };

const SOON_STALE = 'Cache-Control: max-age=1';
const AGED = { lines: [SOON_STALE, 'Age: 1', 'ETag: "1"'], body: 'old' };

describe('when the backend fails', () => {
  it.each([
    ['answers 503', '/503', () => ({ status: 503, body: 'down' }) as const],
    ['cuts the connection', '/cut', () => 'RESET' as const],
    ['takes too long', '/slow', () => ({ after: new Promise<void>(() => undefined) }) as const],
  ])('a stale answer is served: it %s', async (_, path, failing) => {
    cached.says(AGED);
    expect((await cached.get(path)).body).toBe('old');
    cached.says(failing);
    const got = await cached.get(path);
    expect([got.status, got.body]).toEqual([200, 'old']);
    expect(got.header('cache-status')).toMatch(/^Portreeve; fwd=stale/);
    expect(Number(got.header('age'))).toBeGreaterThanOrEqual(1);
    // Nothing is kept of something else.
    expect((await cached.get(`${path}/other`)).status).toBeGreaterThanOrEqual(502);
  });

  it('by the word of the backend, and not against it', async () => {
    const answers: Record<string, string> = {
      '/says': 'max-age=1, stale-if-error=600',
      '/silent': 'max-age=1',
      '/never': 'max-age=1, must-revalidate, stale-if-error=600',
    };
    cached.says(({ target }) => ({ lines: [`Cache-Control: ${answers[target]}`, 'Age: 1', 'ETag: "1"'] }));
    for (const path of Object.keys(answers)) await cached.get(path, PLAIN);
    cached.says({ status: 500 });
    expect((await cached.get('/says', PLAIN)).status).toBe(200);
    expect((await cached.get('/silent', PLAIN)).status).toBe(500);
    expect((await cached.get('/never', PLAIN)).status).toBe(500);
  });
});

describe('while it is validated', () => {
  it('a stale answer is served, and one request fetches the new one', async () => {
    const eager = { Host: 'eager.test' };
    cached.says(AGED);
    await cached.get('/page', eager);
    cached.says({ lines: ['Cache-Control: max-age=3600', 'ETag: "2"'], body: 'new' });
    const got = await Promise.all(Array.from({ length: 20 }, () => cached.get('/page', eager)));
    // Whoever comes after the new one is there gets that.
    expect(got.some(({ body }) => body === 'old')).toBe(true);
    await until(async () => (await cached.get('/page', eager)).body === 'new', 'the new answer is there');
    expect(cached.asked('/page')).toBe(2);
    expect(cached.upstream.last.header('if-none-match')).toBe('"1"');
  });

  it('304 makes it fresh again for everybody', async () => {
    cached.says(AGED);
    await cached.get('/same', PLAIN);
    cached.says({ status: 304, lines: ['Cache-Control: max-age=3600', 'X-New: 1', 'Set-Cookie: a=b'] });
    const validated = await cached.get('/same', { ...PLAIN, 'If-None-Match': '"other"' });
    expect([validated.status, validated.body, validated.header('x-new')]).toEqual([200, 'old', '1']);
    expect(validated.header('set-cookie')).toBe('a=b');
    expect(cached.upstream.last.header('if-none-match')).toBe('"1"');
    const hit = await cached.get('/same', PLAIN);
    expect([hit.body, hit.header('x-new'), hit.header('set-cookie')]).toEqual(['old', '1', null]);
    const unchanged = await cached.get('/same', { ...PLAIN, 'If-None-Match': '"1"' });
    expect([unchanged.status, unchanged.body, unchanged.header('etag')]).toEqual([304, '', '"1"']);
    expect(cached.asked('/same')).toBe(2);
  });

  it('the connection of a 304 serves the next request', async () => {
    cached.says((_, count) => (count > 1 ? { ...AGED, status: 304 } : AGED));
    const client = await RawClient.connect(cached.gateway.port);
    const { connections } = cached.upstream;
    for (let i = 1; i <= 10; i++) {
      client.write('GET /kept HTTP/1.1\r\nHost: plain.test\r\n\r\n');
      await client.answers(i);
    }
    client.destroy();
    const used = connections.filter(({ requests }) => requests.some(({ target }) => target === '/kept'));
    expect(cached.asked('/kept')).toBe(10);
    expect(used).toHaveLength(1);
  });

  it('a fixed time holds without a word of the backend', async () => {
    const fixed = { Host: 'fixed.test' };
    cached.says(({ target }, n) => ({ status: target === '/none' ? 404 : 200, body: String(n) }));
    const first = (await cached.get('/some', fixed)).body;
    expect((await cached.get('/some', fixed)).header('cache-status')).toMatch(/hit/);
    expect((await cached.get('/none', fixed)).status).toBe(404);
    expect((await cached.get('/none', fixed)).header('cache-status')).toMatch(/hit/);
    await until(async () => (await cached.get('/some', fixed)).body !== first, 'the second is over');
  });
});

it('a stale answer is served when nobody listens any more', async () => {
  cached.says(AGED);
  await cached.get('/down');
  await cached.upstream.stop();
  const got = await cached.get('/down');
  expect([got.status, got.body]).toEqual([200, 'old']);
  // It has just failed: nobody is sent there again.
  expect((await cached.get('/down')).header('cache-status')).toMatch(/hit; ttl=-/);
});
