import { hash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { json, TestProvider } from '../../outbound/testing.ts';
import { type Identity, identitySlot } from '../../pipeline/identity.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { apiKey } from '../api-key.ts';
import { authenticate } from '../authenticate.ts';
import { basic } from '../basic/index.ts';
import {
  bindPolicies,
  bindPoliciesWith,
  exchange,
  type TestRequest,
  testConsumer,
  testStep,
} from '../testing.ts';
import { jwt } from './index.ts';
import { base64url, pairOf, SECRET, tokenOf } from './testing.ts';

const nowS = () => Math.floor(Date.now() / 1000);
const fresh = (claims: object = {}, more: object = {}) =>
  tokenOf({ claims: { exp: nowS() + 300, ...claims }, ...more });
const secrets = { 'jwt/secret': SECRET };
const KEY = { secretRef: { name: 'jwt' } };

/** Who the policies behind it see. */
let seen: Identity | undefined;
const who = testStep('authz', (x) => {
  seen = x.get(identitySlot);
});

function gate(config: object = {}) {
  const rule = bindPoliciesWith({ secrets }, [jwt, { keys: [KEY], ...config }], [who, {}]);
  return (sent: TestRequest = {}) => {
    seen = undefined;
    return exchange(rule, sent);
  };
}
const bearing = (token: string, scheme = 'Bearer'): TestRequest => ({
  lines: [`Authorization: ${scheme} ${token}`],
});

describe('the three refusals', () => {
  const send = gate({ realm: 'sh"op' });
  it.each<[string, () => TestRequest, string, string]>([
    ['no token', () => ({}), 'Missing authentication token', ''],
    ['another scheme', () => ({ lines: ['Authorization: Basic YTpi'] }), 'Missing authentication token', ''],
    ['no text', () => ({ lines: ['Authorization: Bearer'] }), 'Missing authentication token', ''],
    [
      'expired',
      () => bearing(fresh({ exp: nowS() - 10 })),
      'Token expired',
      ', error="invalid_token", error_description="Token expired"',
    ],
    [
      'forged',
      () => bearing(fresh({}, { key: `${SECRET}!` })),
      'Invalid token',
      ', error="invalid_token", error_description="Invalid token"',
    ],
    [
      'two tokens',
      () => ({ lines: [`Authorization: Bearer ${fresh()}`, `Authorization: Bearer ${fresh()}`] }),
      'Invalid token',
      ', error="invalid_token", error_description="Invalid token"',
    ],
    [
      'too long',
      () => bearing(fresh({ pad: 'x'.repeat(20_000) })),
      'Invalid token',
      ', error="invalid_token", error_description="Invalid token"',
    ],
  ])('%s', async (_, sent, detail, parameters) => {
    const answer = await send(sent());
    expect(answer.status).toBe(401);
    expect(answer.forwarded).toBeNull();
    expect(answer.header('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body!)).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail,
    });
    expect(answer.header('www-authenticate')).toBe(`Bearer realm="sh\\"op"${parameters}`);
  });

  it('have no realm where there is none', async () => {
    expect((await gate()()).header('www-authenticate')).toBe('Bearer');
  });
});

test('who passes is known to what comes behind', async () => {
  const send = gate();
  const claims = { roles: ['a', 'b'], scope: 'read write', permissions: ['p'], groups: ['g', 7], x: 1 };
  expect((await send(bearing(fresh(claims)))).status).toBe(200);
  expect(seen).toMatchObject({
    user: 'ann',
    roles: ['a', 'b'],
    permissions: ['p', 'read', 'write'],
    groups: ['g'],
    schemes: ['jwt'],
    claims: { x: 1 },
  });
});

test('nested claims by JSON Pointer, and names with dots and slashes as they are', async () => {
  const send = gate({ roles: ['/realm_access/roles', 'https://a.example/roles'], groups: ['/a~1b/0'] });
  await send(
    bearing(fresh({ realm_access: { roles: ['x'] }, 'https://a.example/roles': ['y'], 'a/b': [['z']] })),
  );
  expect([seen?.roles, seen?.groups]).toEqual([['x', 'y'], ['z']]);
});

test('optional: without a token as nobody, with a bad one not', async () => {
  const send = gate({ optional: true, claimsToHeaders: [{ claim: 'sub', header: 'X-User' }] });
  const anonymous = await send({ lines: ['X-User: forged', 'x_user: forged'] });
  expect([anonymous.status, anonymous.forwarded]).toEqual([200, ['host: shop.test']]);
  expect(seen?.schemes).toEqual([]);
  expect((await send(bearing('x'))).status).toBe(401);
});

describe('a token that was seen before', () => {
  it('passes without a promise', () => {
    const rule = bindPoliciesWith({ secrets }, [jwt, { keys: [KEY] }]);
    const { policy } = rule.onRequest![0]!;
    const token = fresh();
    const slots: unknown[] = [];
    const x = {
      request: { header: () => `Bearer ${token}` },
      get: ({ index }: { index: number }) => slots[index],
      set: ({ index }: { index: number }, value: unknown) => {
        slots[index] = value;
      },
    };
    expect(policy.onRequest!(x as never)).toBeUndefined();
    const first = slots[identitySlot.index];
    slots.length = 0;
    expect(policy.onRequest!(x as never)).toBeUndefined();
    expect(slots[identitySlot.index]).toBe(first);
  });

  it('is refused from the second in which it expires', async () => {
    const send = gate();
    const token = bearing(fresh({ exp: nowS() + 100 }));
    expect((await send(token)).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: (nowS() + 99) * 1000 });
    try {
      expect((await send(token)).status).toBe(200);
      vi.setSystemTime((nowS() + 1) * 1000);
      const late = await send(token);
      expect([late.status, JSON.parse(late.body!).detail]).toEqual([401, 'Token expired']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is not good in another rule that asks for more', async () => {
    const token = bearing(fresh());
    expect((await gate()(token)).status).toBe(200);
    expect((await gate({ audiences: ['api'] })(token)).status).toBe(401);
    const other = bindPoliciesWith({ secrets: { 'jwt/secret': `${SECRET}!` } }, [jwt, { keys: [KEY] }]);
    expect((await exchange(other, token)).status).toBe(401);
  });
});

describe('where the token is', () => {
  const from = [{ header: { name: 'X-Token' } }, { cookie: 'session' }, { query: 'access_token' }];
  const good = fresh();
  it.each<[string, TestRequest, string[]]>([
    ['header', { lines: [`X-Token: ${good}`, 'A: b'] }, ['a: b']],
    ['cookie', { lines: [`Cookie: a=b; session=${good}; c=d`] }, ['cookie: a=b; c=d']],
    ['cookie alone', { lines: [`Cookie: session=${good}`] }, []],
  ])('%s, and it is taken out', async (_, sent, left) => {
    const send = gate({ from, forward: false });
    expect((await send(sent)).forwarded?.toSorted()).toEqual([...left, 'host: shop.test'].toSorted());
    expect((await gate({ from })(sent)).forwarded).toHaveLength((sent.lines?.length ?? 0) + 1);
  });

  it('query', async () => {
    const send = gate({ from });
    expect((await send({ target: `/?a=1&access_token=${good}` })).status).toBe(200);
    expect((await send({ target: '/?a=1&access_token=' })).status).toBe(401);
  });

  it.each<[string, TestRequest]>([
    ['in two places', { lines: ['X-Token: forged', `Cookie: session=${good}`] }],
    ['the forged one behind', { lines: [`X-Token: ${good}`], target: '/?access_token=forged' }],
    ['two cookies', { lines: [`Cookie: session=${good}; session=forged`] }],
    ['cookies of two lines', { lines: [`Cookie: session=${good}`, 'Cookie: session="forged"'] }],
    ['two parameters', { target: `/?access_token=${good}&access%5Ftoken=forged` }],
  ])('two different tokens are refused, whatever becomes of them: %s', async (_, sent) => {
    for (const forward of [true, false]) {
      const answer = await gate({ from, forward, optional: true })(sent);
      expect([answer.status, answer.forwarded]).toEqual([400, null]);
      expect(answer.header('www-authenticate')).toBe(
        'Bearer error="invalid_request", error_description="More than one token"',
      );
    }
  });

  it('the same token twice is one', async () => {
    const lines = [`X-Token: ${good}`, `Cookie: session=${good}; session=`];
    const { status, forwarded } = await gate({ from, forward: false })({ lines });
    expect([status, forwarded]).toEqual([200, ['host: shop.test']]);
  });

  it('an empty parameter hides none behind it', async () => {
    const sent = { target: '/?access_token=&access_token=forged' };
    expect((await gate({ from, optional: true })(sent)).status).toBe(401);
  });

  it('what is of another scheme stays, whoever it is for', async () => {
    const lines = ['Authorization: Basic YTpi'];
    const { status, forwarded } = await gate({ optional: true, forward: false })({ lines });
    expect([status, forwarded]).toEqual([200, ['host: shop.test', 'authorization: Basic YTpi']]);
    const both = bindPoliciesWith(
      { secrets: { ...secrets, 'users/auth': 'a:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=' } },
      [jwt, { keys: [KEY], optional: true, forward: false }],
      [basic, { htpasswd: { secretRef: { name: 'users' } } }],
    );
    expect((await exchange(both, { lines: ['Authorization: Basic YTpi'] })).status).toBe(200);
  });

  it.each([
    ['Bearer\tforged'],
    ['Bearer\u00a0forged'],
    ['Basic YTpi, Bearer forged'],
    ['Basic YTpi\r\nAuthorization: Bearer forged'],
  ])('an optional one lets no token through by its blanks or its place: %j', async (value) => {
    const answer = await gate({ optional: true })({ lines: [`Authorization: ${value}`] });
    expect([answer.status, answer.forwarded]).toEqual([401, null]);
  });

  it('a header without a scheme is taken as it is; Bearer in any case', async () => {
    expect((await gate()(bearing(good, 'bEARER'))).status).toBe(200);
    expect((await gate({ from })(bearing(good))).status).toBe(401);
  });
});

test('claims for the backend; what clients send is replaced, in every spelling', async () => {
  const claimsToHeaders = [
    { claim: 'sub', header: 'X-User' },
    { claim: '/realm/roles', header: 'X-Roles' },
    { claim: 'n', header: 'X-N' },
    { claim: 'missing', header: 'X-Missing' },
    { claim: 'bad', header: 'X-Bad' },
    { claim: 'tricky', header: 'X-Tricky' },
  ];
  const send = gate({ claimsToHeaders, forward: false });
  const claims = {
    ...{ sub: 'jürgen', n: 5, bad: 'a\r\nX-Admin: 1', tricky: ['user,admin'] },
    realm: { roles: ['a', 'b'] },
  };
  const lines = ['X-User: admin', 'X_User: admin', 'X-Missing: 1', 'X-Bad: 1'];
  const request = { lines: [...lines, ...bearing(fresh(claims)).lines!] };
  const jürgen = Buffer.from('jürgen').toString('latin1');
  const expected = [
    'host: shop.test',
    `x-user: ${jürgen}`,
    'x-roles: a,b',
    'x-n: 5',
    'x-tricky: ["user,admin"]',
  ];
  expect((await send(request)).forwarded).toEqual(expected);
  expect((await send(request)).forwarded).toEqual(expected);
});

describe('keys by URL', () => {
  let provider: TestProvider;
  beforeAll(async () => {
    await import('undici');
    provider = await TestProvider.start(json({}, {}, 500));
  });
  afterAll(() => provider.stop());

  it('are waited for by the first requests; without any, 503', async () => {
    const jwk = { ...pairOf('P-256').publicKey.export({ format: 'jwk' }), kid: 'one' };
    provider.handler = json({ keys: [jwk] });
    const rule = bindPolicies([jwt, { keys: [{ jwksUrl: `${provider.url}/a` }] }]);
    const token = fresh({}, { header: { alg: 'ES256', kid: 'one' } });
    expect((await exchange(rule, bearing(token))).status).toBe(200);
    for (const { policy } of rule.steps) policy.close?.();
    provider.handler = json({}, {}, 500);
    const down = bindPolicies([jwt, { keys: [{ jwksUrl: `${provider.url}/b` }] }]);
    const answer = await exchange(down, bearing(token));
    expect([answer.status, answer.header('retry-after')]).toEqual([503, '5']);
    for (const { policy } of down.steps) policy.close?.();
  });

  it('that changed while a slow check was under way: its token is not good afterwards', async () => {
    const key = (kid: string) => ({ ...pairOf('P-521').publicKey.export({ format: 'jwk' }), kid });
    const token = (kid: string) => bearing(fresh({}, { header: { alg: 'ES512', kid } }));
    provider.handler = json({ keys: [key('one')] });
    const rule = bindPolicies([jwt, { keys: [{ jwksUrl: `${provider.url}/slow` }] }]);
    const first = token('one');
    // The set is there, and the check of `first` waits behind these.
    expect((await exchange(rule, token('one'))).status).toBe(200);
    const busy = Array.from({ length: 8 }, () => promisify(pbkdf2)('a', 'b', 300_000, 64, 'sha512'));
    const slow = exchange(rule, first);
    provider.handler = json({ keys: [key('two')] });
    const rotated = exchange(rule, token('two'));
    await Promise.all([...busy, slow, rotated]);
    expect([(await rotated).status, (await exchange(rule, first)).status]).toEqual([200, 401]);
    for (const { policy } of rule.steps) policy.close?.();
  });

  it('are fetched once for all rules with that URL', async () => {
    provider.handler = json({ keys: [pairOf('P-256').publicKey.export({ format: 'jwk' })] });
    provider.asked.length = 0;
    const rules = ['a', 'b', 'c'].map((aud) =>
      bindPolicies([jwt, { keys: [{ jwksUrl: `${provider.url}/shared` }], audiences: [aud] }]),
    );
    const statuses = rules.map(async (rule, i) => {
      const token = fresh({ aud: 'abc'[i] }, { header: { alg: 'ES256' } });
      return (await exchange(rule, bearing(token))).status;
    });
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(provider.asked).toEqual(['/shared']);
    for (const { steps } of rules) for (const { policy } of steps) policy.close?.();
  });
});

describe('configurations that are refused', () => {
  const pem = pairOf('rsa').publicKey.export({ type: 'spki', format: 'pem' });
  const oct = JSON.stringify({ keys: [{ kty: 'oct', k: base64url('x'.repeat(32)) }] });
  it.each<[string, object, RegExp]>([
    ['no key', { keys: [] }, /keys/],
    ['two sources', { keys: [{ ...KEY, pem }] }, /exactly one of/],
    ['none', { keys: [{ algorithms: ['HS256'] }] }, /exactly one of/],
    ['HMAC with a public key', { keys: [{ pem, algorithms: ['HS256'] }] }, /HMAC needs secretRef/],
    ['HMAC with a JWKS', { keys: [{ jwksUrl: 'https://a.example', algorithms: ['HS256'] }] }, /HMAC needs/],
    ['both', { keys: [{ ...KEY, algorithms: ['HS256', 'RS256'] }] }, /mixes HMAC/],
    ['none as algorithm', { keys: [{ ...KEY, algorithms: ['none'] }] }, /algorithms/],
    ['RSA without algorithms', { keys: [{ pem }] }, /needs algorithms/],
    ['a secret in a JWKS', { keys: [{ jwks: oct }] }, /no public key/],
    ['no JSON', { keys: [{ jwks: '{}}' }] }, /jwks/],
    ['another scheme', { keys: [{ jwksUrl: 'file:///etc/passwd' }] }, /http/],
    ['a user in the URL', { keys: [{ jwksUrl: 'https://a:b@c.example' }] }, /http/],
    ['a short secret', { keys: [{ secretRef: { name: 'short' } }] }, /has 5 bytes/],
    ['no base64', { keys: [{ ...KEY, encoding: 'base64' }] }, /no base64/],
    ['a missing secret', { keys: [{ secretRef: { name: 'gone' } }] }, /is not there/],
  ])('%s', (_, config, message) => {
    const bind = () => bindPoliciesWith({ secrets: { ...secrets, 'short/secret': 'tiny!' } }, [jwt, config]);
    expect(bind).toThrow(message);
  });
});

test('a secret in base64, and a public key from a Secret', async () => {
  const bytes = Buffer.from(SECRET);
  const pem = pairOf('P-256').publicKey.export({ type: 'spki', format: 'pem' }) as string;
  for (const text of [
    bytes.toString('base64'),
    bytes.toString('base64url'),
    `${bytes.toString('base64')}\n`,
  ]) {
    const rule = bindPoliciesWith({ secrets: { 'jwt/secret': text } }, [
      jwt,
      { keys: [{ ...KEY, encoding: 'base64' }] },
    ]);
    expect((await exchange(rule, bearing(fresh()))).status).toBe(200);
  }
  const keys = [{ ...KEY, algorithms: ['ES256'] }];
  const rule = bindPoliciesWith({ secrets: { 'jwt/secret': pem } }, [jwt, { keys }]);
  expect((await exchange(rule, bearing(fresh({}, { header: { alg: 'ES256' } })))).status).toBe(200);
  expect((await exchange(rule, bearing(fresh({}, { key: pem })))).status).toBe(401);
});

describe('beside other ways to be let in', () => {
  const consumers = new ConsumerDirectory(() => undefined);
  consumers.apply([testConsumer('acme', { apiKeys: [hash('sha256', 'k', 'base64url')] })], []);
  const any = authenticate([jwt, apiKey, basic]);
  const inAnyOf = (...anyOf: object[]) =>
    bindPoliciesWith({ secrets, consumers }, [any, { anyOf }], [who, {}]);
  const own = { jwt: { keys: [KEY] } };
  const forged = `Authorization: Bearer ${fresh({}, { key: `${SECRET}!` })}`;

  it.each([
    ['refused', inAnyOf(own, { apiKey: {} }), forged],
    ['not looked at', inAnyOf({ apiKey: {} }, own), forged],
    ['good, and not looked at', inAnyOf({ apiKey: {} }, own), `Authorization: Bearer ${fresh()}`],
  ])('a token that is %s does not reach the backend', async (_, rule, line) => {
    const { status, forwarded } = await exchange(rule, { lines: [line, 'X-API-Key: k'] });
    expect([status, forwarded]).toEqual([200, ['host: shop.test']]);
  });

  it('a token that is good does, whoever else would read it, and no key that is kept but was not asked for', async () => {
    const line = `Authorization: Bearer ${fresh()}`;
    const other = { jwt: { keys: [{ secretRef: { name: 'jwt' }, issuer: 'other' }] } };
    for (const rule of [
      inAnyOf(own, other, { apiKey: { keep: true } }),
      inAnyOf(other, own, { apiKey: { keep: true } }),
    ]) {
      const { status, forwarded } = await exchange(rule, { lines: [line, 'X-API-Key: forged'] });
      expect([status, forwarded]).toEqual([200, ['host: shop.test', line.replace('A', 'a')]]);
    }
  });

  it('claims for the backend are those of the token that let it in', async () => {
    const claimsToHeaders = [{ claim: 'sub', header: 'X-Sub' }];
    const one = { jwt: { keys: [KEY], claimsToHeaders, forward: false } };
    const other = { jwt: { ...one.jwt, keys: [{ ...KEY, issuer: 'other' }] } };
    const lines = [`Authorization: Bearer ${fresh({ sub: 'ann' })}`, 'X-Sub: forged'];
    for (const rule of [inAnyOf(one, other), inAnyOf(other, one)]) {
      expect((await exchange(rule, { lines })).forwarded).toEqual(['host: shop.test', 'x-sub: ann']);
    }
  });

  it('a password that is wrong does not reach the backend with a key', async () => {
    const rule = inAnyOf({ basic: { keep: true } }, { apiKey: { keep: true } });
    const lines = ['Authorization: Basic YTpi', 'X-API-Key: k'];
    const { forwarded } = await exchange(rule, { lines });
    expect(forwarded).toEqual(['host: shop.test', 'x-api-key: k']);
  });
});
