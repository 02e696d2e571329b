import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { head, RawClient } from '../support/raw-client.ts';
import { Cached, FRESH, type Got } from './cached.ts';

let cached: Cached;
beforeAll(async () => {
  const filter = { key: { query: { ignore: ['utm_*'] } } };
  cached = await Cached.start(
    {
      shop: [{ cache: {} }],
      other: [{ cache: {} }],
      filtered: [{ cache: filter }],
      headers: [{ cache: { key: { headers: ['X-Tenant', 'X-Plan'] } } }],
      fixed: [{ cache: { ttl: '1h' } }],
      strip: [{ cache: { setCookie: 'strip' } }],
    },
    { settings: { trustedProxies: ['127.0.0.9/32'] } },
  );
});
afterAll(() => cached.stop());

/** Each answer is another one, and says so. */
function numbered(...lines: readonly string[]): void {
  let count = 0;
  cached.says(() => ({ lines: [FRESH, ...lines], body: `n${++count}` }));
}

const isHit = (got: Got): boolean => /; hit;/.test(got.header('cache-status') ?? '');

/** Whether the second request gets what the first one was answered. */
async function shares(
  path: string,
  first: Readonly<Record<string, string>>,
  second: Readonly<Record<string, string>>,
): Promise<boolean> {
  const one = await cached.get(path, first);
  const other = await cached.get(path, second);
  expect(isHit(other)).toBe(one.body === other.body);
  return isHit(other);
}

describe('one answer is not given for another', () => {
  it('on another host, path or query, though they join to the same text', async () => {
    numbered();
    const urls = [
      '/a/b',
      '/a?/b',
      '/a',
      '/a/b?c',
      '/a?b=1&c=2',
      '/a?b=1%26c=2',
      '/a?c=2&b=1',
      '/A/b',
      '/a/b/',
    ];
    const bodies = new Set<string>();
    for (const host of ['shop.test', 'other.test']) {
      for (const url of urls) bodies.add((await cached.get(url, { Host: host })).body);
    }
    expect(bodies.size).toBe(urls.length * 2);
    for (const url of urls) expect(isHit(await cached.get(url))).toBe(true);
  });

  it('for a Host that the backend sees written in another way', async () => {
    numbered();
    expect(await shares('/host', {}, { Host: 'shop.test:1234' })).toBe(false);
    expect(await shares('/host', {}, { Host: 'SHOP.test' })).toBe(false);
    expect(await shares('/host', {}, { Host: 'shop.test.' })).toBe(false);
    expect(await shares('/host', {}, {})).toBe(true);
  });

  it('whatever a client says of the way it came', async () => {
    numbered();
    cached.says((request) => ({ lines: [FRESH], body: request.header('x-forwarded-host') ?? 'none' }));
    const poisoned = await cached.get('/way', {
      'X-Forwarded-Host': 'evil.test',
      'X-Original-URL': '/admin',
    });
    expect(poisoned.body).toBe('shop.test');
    expect(isHit(await cached.get('/way'))).toBe(true);
  });

  it('for what a trusted proxy passes on', async () => {
    cached.says((request) => ({ lines: [FRESH], body: request.header('x-forwarded-host') ?? 'none' }));
    const ask = async (host: string): Promise<string> => {
      const client = await RawClient.connect(cached.gateway.port, { localAddress: '127.0.0.9' });
      client.write(head('GET /proxied', `X-Forwarded-Host: ${host}`));
      const { body } = await client.answer();
      client.destroy();
      return body;
    };
    expect(await ask('one.test')).toBe('one.test');
    expect(await ask('two.test')).toBe('two.test');
    expect(await ask('one.test')).toBe('one.test');
    expect(cached.asked('/proxied')).toBe(2);
  });

  it('with headers of the key, whose values may join to the same text', async () => {
    numbered();
    const host = { Host: 'headers.test' };
    expect(await shares('/h', { ...host, 'X-Tenant': 'a' }, { ...host, 'X-Tenant': 'b' })).toBe(false);
    expect(await shares('/h', { ...host, 'X-Tenant': 'ab' }, { ...host, 'X-Plan': 'ab' })).toBe(false);
    expect(
      await shares(
        '/h',
        { ...host, 'X-Tenant': 'x', 'X-Plan': 'yz' },
        { ...host, 'X-Tenant': 'xy', 'X-Plan': 'z' },
      ),
    ).toBe(false);
    expect(await shares('/h', host, { ...host, 'X-Plan': '' })).toBe(false);
    expect(
      await shares('/h', { ...host, 'X-Tenant': 'a' }, { ...host, 'X-Tenant': 'a', 'X-Other': '1' }),
    ).toBe(true);
  });
});

describe('what a client smuggles in', () => {
  it('an error that a header provoked is kept for nobody', async () => {
    cached.says((request) =>
      request.header('x-large') === null
        ? { lines: [FRESH], body: 'good' }
        : { status: 400, lines: [FRESH], body: 'bad' },
    );
    for (const status of [400, 403, 413, 431, 500, 501]) {
      cached.says((request) =>
        request.header('x-large') === null ? { lines: [FRESH] } : { status, lines: [FRESH] },
      );
      const path = `/provoked/${status}`;
      expect((await cached.get(path, { 'X-Large': 'x' })).status).toBe(status);
      expect((await cached.get(path)).status).toBe(200);
    }
  });

  it('a parameter that does not count does not reach the backend', async () => {
    const host = { Host: 'filtered.test' };
    cached.says(({ target }) => ({ lines: [FRESH], body: target }));
    const cloaked = await cached.get('/p?a=1&utm_content=x;callback=evil', host);
    expect(cloaked.body).toBe('/p?a=1');
    const honest = await cached.get('/p?utm_source=mail&a=1', host);
    expect([honest.body, isHit(honest)]).toEqual(['/p?a=1', true]);
    // Written in another way it counts, and is sent.
    expect((await cached.get('/p?a=1&%75tm_content=x', host)).body).toBe('/p?a=1&%75tm_content=x');
  });

  it('a body of a GET is not answered from, nor kept', async () => {
    numbered();
    const fat = await cached.get('/fat', { 'Content-Length': '4' }, { body: 'evil' });
    const lean = await cached.get('/fat');
    expect(lean.body).not.toBe(fat.body);
    expect((await cached.get('/fat', { 'Content-Length': '4' }, { body: 'evil' })).body).not.toBe(lean.body);
    expect((await cached.get('/fat')).body).toBe(lean.body);
  });
});

describe('whose it is', () => {
  it('an answer with Set-Cookie is for one client', async () => {
    numbered('Set-Cookie: sid=secret');
    expect(await shares('/sid', {}, {})).toBe(false);
    const strip = { Host: 'strip.test' };
    const first = await cached.get('/sid', strip);
    expect(first.header('set-cookie')).toBe('sid=secret');
    const second = await cached.get('/sid', strip);
    expect([second.body, second.header('set-cookie')]).toEqual([first.body, null]);
  });

  it('an answer to Authorization is for one client, unless the backend says otherwise', async () => {
    const signed = { Authorization: 'Bearer a' };
    numbered();
    expect(await shares('/authorized', signed, {})).toBe(false);
    expect(await shares('/authorized/2', signed, signed)).toBe(false);
    cached.says({ lines: ['Cache-Control: max-age=3600, public'] });
    expect((await cached.get('/public', signed)).status).toBe(200);
    expect(isHit(await cached.get('/public'))).toBe(true);
  });

  it('where a fixed time decides, credentials go past the cache', async () => {
    const host = { Host: 'fixed.test' };
    let count = 0;
    cached.says(() => ({ body: `n${++count}` }));
    const anonymous = await cached.get('/mine', host);
    for (const headers of [{ Cookie: 'sid=1' }, { Authorization: 'Basic eDp5' }]) {
      const got = await cached.get('/mine', { ...host, ...headers });
      expect(got.body).not.toBe(anonymous.body);
      expect(got.header('cache-status')).toBe('Portreeve; fwd=bypass');
    }
    expect((await cached.get('/mine', host)).body).toBe(anonymous.body);
  });

  it.each(['private', 'no-store', 'private, max-age=60', 'max-age=60, no-store'])(
    '%s is kept for nobody',
    async (cc) => {
      let count = 0;
      cached.says(() => ({ lines: [`Cache-Control: ${cc}`], body: `n${++count}` }));
      for (const host of ['shop.test', 'fixed.test']) {
        const path = `/private/${encodeURIComponent(cc)}`;
        const first = await cached.get(path, { Host: host });
        expect((await cached.get(path, { Host: host })).body).not.toBe(first.body);
      }
    },
  );
});

describe('variants', () => {
  it('Vary: * is always another one', async () => {
    numbered('Vary: *');
    expect(await shares('/star', {}, {})).toBe(false);
  });

  it('each is kept for requests like its own', async () => {
    cached.says((request) => ({
      lines: [FRESH, 'Vary: Accept-Language, X-B'],
      body: `${request.header('accept-language')}`,
    }));
    for (const language of ['de', 'en', 'de,en']) {
      expect((await cached.get('/vary', { 'Accept-Language': language })).body).toBe(language);
    }
    for (const language of ['de', 'en', 'de, en']) {
      const got = await cached.get('/vary', { 'Accept-Language': language });
      expect([got.body, isHit(got)]).toEqual([language.replace(' ', ''), true]);
    }
    expect(isHit(await cached.get('/vary', { 'Accept-Language': 'de', 'X-B': '1' }))).toBe(false);
  });
});

describe('parts', () => {
  it('a range is served from the whole, and is never kept for it', async () => {
    cached.says((request) =>
      request.header('range') === null
        ? { lines: [FRESH, 'ETag: "v"'], body: '0123456789' }
        : { status: 206, lines: [FRESH, 'Content-Range: bytes 0-1/10'], body: '01' },
    );
    expect((await cached.get('/range', { Range: 'bytes=0-1' })).status).toBe(206);
    const whole = await cached.get('/range');
    expect([whole.status, whole.body]).toEqual([200, '0123456789']);
    const asked = cached.asked('/range');
    const part = await cached.get('/range', { Range: 'bytes=2-4' });
    expect([part.status, part.body, part.header('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
    const other = await cached.get('/range', { Range: 'bytes=2-4', 'If-Range': '"w"' });
    expect([other.status, other.body]).toEqual([200, '0123456789']);
    const beyond = await cached.get('/range', { Range: 'bytes=10-' });
    expect([beyond.status, beyond.header('content-range')]).toEqual([416, 'bytes */10']);
    const bare = await cached.get('/range', {}, { method: 'HEAD' });
    expect([bare.status, bare.body, bare.header('content-length')]).toEqual([200, '', '10']);
    expect(cached.asked('/range')).toBe(asked);
  });

  it('an answer that breaks off is not kept', async () => {
    const { upstream } = cached;
    const { script } = upstream;
    upstream.script = async (request, connection) => {
      await request.whole();
      connection.write(`HTTP/1.1 200 OK\r\n${FRESH}\r\nContent-Length: 10\r\n\r\n01234`);
      connection.socket.end();
    };
    await expect(cached.get('/broken')).rejects.toThrow();
    upstream.script = script;
    numbered();
    expect(isHit(await cached.get('/broken'))).toBe(false);
  });

  it('only-if-cached is answered without the backend', async () => {
    const got = await cached.get('/nowhere', { 'Cache-Control': 'only-if-cached' });
    expect(got.status).toBe(504);
    expect(cached.asked('/nowhere')).toBe(0);
  });
});
