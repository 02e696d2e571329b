import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { type OutboundCall, OutboundClient } from './client.ts';
import { OutboundFailure } from './failure.ts';
import { endless, hanging, json, stalling, TestProvider } from './testing.ts';

let provider: TestProvider;
let client: OutboundClient;

beforeAll(async () => {
  // Loading it takes longer than these tests let a call take.
  await import('undici');
  provider = await TestProvider.start(json({}));
});
afterAll(() => provider.stop());
afterEach(() => client.close());

const OPEN = { allowLoopback: true, allowLinkLocal: false };
const STRICT = { allowLoopback: false, allowLinkLocal: false };

/** Each test has a path of its own, for failures are remembered by URL. */
function call(more: Partial<OutboundCall> & { readonly at?: string } = {}): Promise<unknown> {
  const { at = '/', ...rest } = more;
  const url = new URL(at, provider.url);
  return client
    .call({ url, method: 'GET', headers: {}, body: null, timeoutMs: 5_000, maxBytes: 1024, ...rest })
    .then(
      ({ status, body }) => [status, body.toString()],
      (error: unknown) => (error instanceof OutboundFailure ? error.code : error),
    );
}

describe('an answer', () => {
  it('comes whole, whatever its status', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = json({ a: 1 }, {}, 404);
    expect(await call()).toEqual([404, '{"a":1}']);
  });

  it('of a redirect is not followed', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = (_, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    };
    provider.asked.length = 0;
    expect(await call()).toEqual([302, '']);
    expect(provider.asked).toEqual(['/']);
  });

  it('shows no field of the connection, nor what Connection names', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = (_, response) => {
      response.writeHead(200, { connection: 'keep-alive, X-Hop', 'x-hop': '1', 'x-end': ['a', 'b'] }).end();
    };
    const url = new URL(provider.url);
    const answer = await client.call({
      ...{ url, method: 'GET', headers: {}, body: null, timeoutMs: 5_000, maxBytes: 10 },
    });
    const names = ['x-hop', 'connection', 'transfer-encoding', 'keep-alive', 'X-End'];
    expect(names.map((name) => answer.headerLines(name))).toEqual([[], [], [], [], ['a', 'b']]);
  });
});

test('what is sent: method, body, headers, but none of the connection', async () => {
  client = new OutboundClient(OPEN);
  provider.handler = (request, response) => {
    const { connection, te, 'x-a': a, 'accept-encoding': coding } = request.headers;
    request.setEncoding('utf8').on('data', (body) => {
      response.end(JSON.stringify([request.method, body, a, connection, te ?? null, coding]));
    });
  };
  const headers = { 'x-a': '1', connection: 'x-a', te: 'trailers' };
  const answer = await call({ method: 'POST', body: 'hello', headers });
  expect(answer).toEqual([200, '["POST","hello","1","keep-alive",null,"identity"]']);
});

describe('nothing takes longer than its time', () => {
  it.each([
    ['hangs', hanging],
    ['stalls in the body', stalling],
  ])('where it %s', async (_, handler) => {
    client = new OutboundClient(OPEN);
    provider.handler = handler;
    expect(await call({ timeoutMs: 50 })).toBe('timeout');
  });

  it('ends when nobody waits for it', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = hanging;
    const controller = new AbortController();
    const answer = call({ signal: controller.signal });
    controller.abort();
    expect(await answer).toBe('aborted');
    expect(await call({ signal: controller.signal })).toBe('aborted');
  });
});

describe('an answer of more bytes than may be kept', () => {
  it('is refused by its length', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = json('x'.repeat(2000), { 'content-length': '2002' });
    expect(await call()).toBe('tooLarge');
  });

  it('is cut off where it tells none', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = endless;
    expect(await call({ maxBytes: 200_000 })).toBe('tooLarge');
  });

  it('of exactly as many is taken', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = json('12345678');
    expect(await call({ maxBytes: 10 })).toEqual([200, '"12345678"']);
    expect(await call({ maxBytes: 9 })).toBe('tooLarge');
  });
});

describe('addresses', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '0.0.0.0', '169.254.169.254'])(
    'that may not be called: %s',
    async (host) => {
      client = new OutboundClient(STRICT);
      provider.asked.length = 0;
      expect(await call({ url: new URL(`http://${host}:${provider.port}/`) })).toBe('refused');
      expect(provider.asked).toEqual([]);
    },
  );

  it('the same by TLS', async () => {
    client = new OutboundClient(STRICT);
    expect(await call({ url: new URL(`https://localhost:${provider.port}/`) })).toBe('refused');
  });

  it('a metadata service is refused where loopback is allowed', async () => {
    client = new OutboundClient(OPEN);
    expect(await call({ url: new URL('http://169.254.169.254/latest') })).toBe('refused');
    provider.handler = json('ok');
    expect(await call({ url: new URL(`http://localhost:${provider.port}/`) })).toEqual([200, '"ok"']);
  });
});

describe('a URL that fails three times in a row', () => {
  it.each([
    ['answers 500', json({}, {}, 500), [500, '{}']],
    ['hangs', hanging, 'timeout'],
  ])('where it %s: is left alone, others are not', async (_, handler, outcome) => {
    client = new OutboundClient(OPEN);
    provider.handler = handler;
    for (let i = 0; i < 3; i++) expect(await call({ at: '/bad', timeoutMs: 50 })).toEqual(outcome);
    provider.asked.length = 0;
    expect(await call({ at: '/bad?other=query' })).toBe('shut');
    expect(provider.asked).toEqual([]);
    provider.handler = json('ok');
    expect(await call({ at: '/good' })).toEqual([200, '"ok"']);
  });

  it('no failure of its own: whoever asked went away', async () => {
    client = new OutboundClient(OPEN);
    provider.handler = hanging;
    for (let i = 0; i < 5; i++) await call({ at: '/left', signal: AbortSignal.abort() });
    provider.handler = json('ok');
    expect(await call({ at: '/left' })).toEqual([200, '"ok"']);
  });
});

test('a port where nobody listens', async () => {
  client = new OutboundClient(OPEN);
  const gone = await TestProvider.start(hanging);
  const { url } = gone;
  await gone.stop();
  expect(await call({ url: new URL(url) })).toBe('failed');
});
