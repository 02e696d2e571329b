import { describe, expect, test } from 'vitest';
import { cors } from './cors.ts';
import { fault } from './fault.ts';
import { bindPolicies, exchange, type TestOutcome } from './testing.ts';

const SHOP = 'https://shop.example';
const BASE = { origins: [SHOP, 'https://*.good.example'] };

function preflight(config: object, origin: string, ...lines: string[]): Promise<TestOutcome> {
  const sent = [`Origin: ${origin}`, 'Access-Control-Request-Method: PUT', ...lines];
  return exchange(bindPolicies([cors, config]), { method: 'OPTIONS', lines: sent });
}

function actual(config: object, origin: string | null, lines: string[] = []): Promise<TestOutcome> {
  const sent = origin === null ? [] : [`Origin: ${origin}`];
  return exchange(bindPolicies([cors, config]), { lines: sent }, { lines });
}

const allowed = (outcome: TestOutcome) => outcome.header('access-control-allow-origin');

/** What an attacker may try against `https://shop.example` and `https://*.good.example`. */
const REFUSED = [
  'null',
  'https://good.example.evil.example',
  'https://evilgood.example',
  'https://a.good.example.evil.example',
  'https://shop.example.evil.example',
  'https://evilshop.example',
  'http://shop.example',
  'https://shop.example:8443',
  'https://a.good.example:8443',
  'http://a.good.example',
  'https://good.example',
  'https://SHOP.example',
  'https://shop.example/',
  'https://shop.example, https://evil.example',
  'https://evil.example https://shop.example',
];

describe('origins', () => {
  test.each(REFUSED)('%s gets nothing from an answer, and Vary says that it depends', async (origin) => {
    const outcome = await actual({ ...BASE, credentials: true, exposedHeaders: ['x-a'] }, origin);
    expect(outcome.lines).toEqual(['vary: Origin']);
    expect(outcome.forwarded).not.toBeNull();
  });

  test.each(REFUSED)('%s gets 403 for a preflight, with nothing allowed', async (origin) => {
    const outcome = await preflight({ ...BASE, credentials: true }, origin);
    expect([outcome.status, outcome.forwarded]).toEqual([403, null]);
    expect(outcome.lines.filter((line) => line.startsWith('access-control'))).toEqual([]);
    expect(outcome.header('vary')).toBe('Origin');
  });

  test.each([SHOP, 'https://a.good.example', 'https://a.b.good.example'])(
    '%s is repeated',
    async (origin) => {
      const outcome = await actual(BASE, origin);
      expect(outcome.lines).toEqual(['vary: Origin', `access-control-allow-origin: ${origin}`]);
    },
  );

  test('two lines of Origin are no origin', async () => {
    const lines = [`Origin: ${SHOP}`, 'Origin: https://evil.example'];
    expect(allowed(await exchange(bindPolicies([cors, BASE]), { lines }))).toBeNull();
  });

  test('null is allowed only where it is listed', async () => {
    expect(allowed(await actual({ origins: ['null'] }, 'null'))).toBe('null');
    expect(allowed(await actual({ origins: ['null'] }, SHOP))).toBeNull();
  });

  test('the star is one answer for all, so nothing varies: who sends no Origin gets it, too', async () => {
    const config = { origins: ['*'], exposedHeaders: ['*'] };
    for (const origin of ['https://any.example', 'null', null]) {
      expect((await actual(config, origin)).lines).toEqual([
        'access-control-allow-origin: *',
        'access-control-expose-headers: *',
      ]);
    }
  });
});

describe('Vary', () => {
  test('names Origin without an Origin, too: a cache must not give that answer to a page', async () => {
    expect((await actual(BASE, null)).lines).toEqual(['vary: Origin']);
  });

  test.each([
    [['Vary: Accept-Encoding'], 'Accept-Encoding, Origin'],
    [['Vary: accept, origin'], 'accept, origin'],
    [['Vary: *'], '*'],
    [['Vary: X-Origin'], 'X-Origin, Origin'],
  ])('%j becomes %s', async (lines, vary) => {
    expect((await actual(BASE, SHOP, lines)).header('vary')).toBe(vary);
  });
});

describe('answers', () => {
  test("the backend's own CORS headers are replaced, for allowed and other origins", async () => {
    const lines = [
      'Access-Control-Allow-Origin: *',
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Expose-Headers: x-secret',
      'Access-Control-Allow-Methods: *',
    ];
    expect((await actual(BASE, SHOP, lines)).lines).toEqual([
      'vary: Origin',
      `access-control-allow-origin: ${SHOP}`,
    ]);
    expect((await actual(BASE, 'https://evil.example', lines)).lines).toEqual(['vary: Origin']);
  });

  test('credentials and exposed headers', async () => {
    const config = { ...BASE, credentials: true, exposedHeaders: ['X-Total', 'Link'] };
    expect((await actual(config, SHOP)).lines).toEqual([
      'vary: Origin',
      `access-control-allow-origin: ${SHOP}`,
      'access-control-allow-credentials: true',
      'access-control-expose-headers: X-Total, Link',
    ]);
  });

  test('an error of the gateway can be read by an allowed page', async () => {
    const rule = bindPolicies([cors, BASE], [fault, { abort: { status: 503 } }]);
    const outcome = await exchange(rule, { lines: [`Origin: ${SHOP}`] });
    expect([outcome.status, allowed(outcome)]).toEqual([503, SHOP]);
  });
});

describe('preflights', () => {
  test('are answered here, with all that is allowed', async () => {
    const config = {
      ...BASE,
      methods: ['GET', 'PUT'],
      headers: ['Content-Type', 'X-A'],
      maxAge: '1h30m',
      credentials: true,
    };
    const outcome = await preflight(config, SHOP, 'Access-Control-Request-Headers: content-type');
    expect([outcome.status, outcome.forwarded, outcome.body]).toEqual([204, null, '']);
    expect(outcome.lines).toEqual([
      'access-control-allow-methods: GET, PUT',
      'access-control-allow-headers: Content-Type, X-A',
      'access-control-max-age: 5400',
      'vary: Access-Control-Request-Method, Access-Control-Request-Headers',
      'vary: Origin',
      `access-control-allow-origin: ${SHOP}`,
      'access-control-allow-credentials: true',
    ]);
  });

  test('do not repeat what was asked for', async () => {
    const outcome = await preflight(BASE, SHOP, 'Access-Control-Request-Headers: x-evil');
    expect(outcome.header('access-control-allow-methods')).toBe('GET, HEAD, POST');
    expect(outcome.header('access-control-allow-headers')).toBeNull();
  });

  test('stars stand as they are without credentials', async () => {
    const config = { origins: ['*'], methods: ['*'], headers: ['*', 'Authorization'] };
    const outcome = await preflight(config, SHOP, 'Access-Control-Request-Headers: x-a');
    expect(outcome.lines).toEqual([
      'access-control-allow-methods: *',
      'access-control-allow-headers: *, Authorization',
      'vary: Access-Control-Request-Method, Access-Control-Request-Headers',
      'access-control-allow-origin: *',
    ]);
  });

  test('with credentials a star means what was asked for', async () => {
    const config = { ...BASE, credentials: true, methods: ['*'], headers: ['*'] };
    const outcome = await preflight(config, SHOP, 'Access-Control-Request-Headers: x-a,x-b');
    expect(outcome.header('access-control-allow-methods')).toBe('PUT');
    expect(outcome.header('access-control-allow-headers')).toBe('x-a,x-b');
    expect((await preflight(config, SHOP)).header('access-control-allow-headers')).toBeNull();
  });

  test('no exposed headers in them', async () => {
    const outcome = await preflight({ ...BASE, exposedHeaders: ['x-a'] }, SHOP);
    expect(outcome.header('access-control-expose-headers')).toBeNull();
  });

  test.each([
    [true, ['Access-Control-Request-Private-Network: true'], 'true'],
    [true, [], null],
    [true, ['Access-Control-Request-Private-Network: false'], null],
    [false, ['Access-Control-Request-Private-Network: true'], null],
  ])('private network %s, asked %j: %s', async (privateNetwork, lines, expected) => {
    const outcome = await preflight({ ...BASE, privateNetwork }, SHOP, ...lines);
    expect(outcome.header('access-control-allow-private-network')).toBe(expected);
  });

  test.each([
    ['OPTIONS without Access-Control-Request-Method', 'OPTIONS', [`Origin: ${SHOP}`]],
    ['OPTIONS without Origin', 'OPTIONS', ['Access-Control-Request-Method: PUT']],
    ['another method', 'GET', [`Origin: ${SHOP}`, 'Access-Control-Request-Method: PUT']],
  ])('%s is none: the backend answers', async (_, method, lines) => {
    const outcome = await exchange(bindPolicies([cors, BASE]), { method, lines });
    expect(outcome.forwarded).not.toBeNull();
  });
});

test.each([
  [{ origins: ['*'], credentials: true }, 'with credentials, name the origins'],
  [{ origins: [SHOP, '*'], credentials: true }, 'with credentials, name the origins'],
  [{ ...BASE, exposedHeaders: ['*'], credentials: true }, 'name the exposedHeaders'],
  [{ origins: [] }, 'must not be empty'],
  [{}, 'origins: is required'],
  [{ origins: ['shop.example'] }, 'is no origin'],
  [{ origins: ['https://shop.example/'] }, 'is no origin'],
  [{ origins: ['https://*.example.*'] }, 'is no origin'],
  [{ ...BASE, methods: ['GET, PUT'] }, 'without spaces'],
  [{ ...BASE, methods: ['GET', 'patch'] }, 'write PATCH'],
  [{ origins: [SHOP, 'null'], credentials: true }, 'every site can make a frame whose origin is null'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([cors, config])).toThrow(message);
});
