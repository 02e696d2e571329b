import { describe, expect, test } from 'vitest';
import { type Identity, identityOf, identitySlot } from '../../pipeline/identity.ts';
import { bindPolicies, exchange, type TestRequest, testStep } from '../testing.ts';
import { require } from './index.ts';

let identity: Partial<Identity> | undefined;
const who = testStep('authn', (x) => {
  if (identity !== undefined) x.set(identitySlot, identityOf(identity));
});

async function may(
  as: Partial<Identity> | undefined,
  config: object,
  sent: TestRequest = {},
): Promise<boolean> {
  identity = as;
  const outcome = await exchange(bindPolicies([who, {}], [require, config]), sent);
  expect([200, 403]).toContain(outcome.status);
  expect(outcome.forwarded === null).toBe(outcome.status === 403);
  return outcome.status === 200;
}

const ANN: Partial<Identity> = {
  ...{ user: 'ann', consumer: 'acme', schemes: ['jwt'], groups: ['g1', 'g2'], roles: ['editor'] },
  permissions: ['users:read', 'users:write'],
};

test.each([
  [{ permissions: ['users:read'] }, true],
  [{ permissions: ['users:read', 'users:write'] }, true],
  [{ permissions: ['users:read', 'users:delete'] }, false],
  [{ anyPermission: ['users:read', 'users:delete'] }, true],
  [{ anyPermission: ['users:delete'] }, false],
  [{ roles: ['viewer', 'editor'] }, true],
  [{ roles: ['viewer'] }, false],
  [{ groups: ['g2'] }, true],
  [{ groups: ['g3'] }, false],
  [{ consumers: ['acme', 'other'] }, true],
  [{ consumers: ['other'] }, false],
  [{ permissions: ['users:read'], roles: ['viewer'] }, false],
  [{ permissions: ['users:read'], groups: ['g1'], consumers: ['acme'] }, true],
])('%j lets Ann in: %s, and nobody never', async (config, admitted) => {
  expect(await may(ANN, config)).toBe(admitted);
  expect([await may(undefined, config), await may({}, config)]).toEqual([false, false]);
});

test('admin passes, unless another role is above all, or none; expressions are for everyone', async () => {
  const admin = { schemes: ['jwt'], roles: ['admin'] };
  const config = { permissions: ['p'], roles: ['r'], groups: ['g'], consumers: ['c'] };
  expect(await may(admin, config)).toBe(true);
  expect(await may(admin, { ...config, adminRole: 'root' })).toBe(false);
  expect(await may({ ...admin, roles: ['root'] }, { ...config, adminRole: 'root' })).toBe(true);
  expect(await may({ ...admin, roles: [''] }, { ...config, adminRole: '' })).toBe(false);
  expect(await may(admin, { ...config, expressions: ['request.method == "POST"'] })).toBe(false);
});

const CLAIMS = {
  tenant: 'acme',
  level: 3,
  roles: ['a', 'b'],
  nested: { x: { y: true } },
  email: 'ann@example.com',
};

describe('expressions', () => {
  test.each([
    'request.method == "POST" && request.path == "/a/b" && request.query == "x=1&x=2&y=%20"',
    'request.params["x"] == "1" && request.params.y == " " && !("z" in request.params)',
    'request.headers["x-tenant"] == claims.tenant',
    'request.headers["x-list"] == "1, 2"',
    'request.host == "shop.test" && request.scheme == "http" && request.clientAddress == "192.0.2.1"',
    'identity.user == "ann" && identity.consumer == "acme" && "editor" in identity.roles && !identity.anonymous',
    '"g1" in identity.groups && "users:read" in identity.permissions && "jwt" in identity.schemes',
    'claims.level > 2 && claims.level == 3 && claims.nested.x.y',
    'claims.roles.exists(role, role == "b") && size(claims.roles) == 2',
    'has(claims.tenant) && !has(claims.nope)',
    'claims.email.matches("^[a-z]+@example[.]com$") && claims.email.matches("example") && !claims.email.matches("^x")',
    'claims.email.endsWith("@example.com")',
    'now > timestamp("2024-01-01T00:00:00Z") && now < timestamp("2100-01-01T00:00:00Z")',
    '"matches(" != claims.email && "\\"\\\\ü".matches("ü")',
  ])('%s', async (expression) => {
    const sent = {
      ...{ method: 'POST', target: '/a/b?x=1&x=2&y=%20' },
      lines: ['X-Tenant: acme', 'X-List: 1', 'X-List: 2'],
    };
    expect(await may({ ...ANN, claims: CLAIMS }, { expressions: [expression] }, sent)).toBe(true);
    expect(await may({ ...ANN, claims: CLAIMS }, { expressions: ['true', `!(${expression})`] }, sent)).toBe(
      false,
    );
  });

  test.each([
    'claims.nope == "x"',
    'claims.__proto__ == claims.constructor',
    'claims.tenant > 3',
    'claims.level.matches("3")',
    'claims.tenant',
    'request.headers["nope"] == ""',
    'int(claims.tenant) == 1',
    '1 / 0 == 1 || false',
  ])('%s can not be evaluated, so it is not true', async (expression) => {
    expect(await may({ ...ANN, claims: CLAIMS }, { expressions: [expression] })).toBe(false);
  });

  test('nobody has no claims and no name', async () => {
    expect(
      await may(undefined, {
        expressions: ['identity.anonymous && identity.user == "" && !has(claims.sub)'],
      }),
    ).toBe(true);
  });

  test.each([
    ['1 +', 'no expression'],
    ['request.nope', 'No such key: nope'],
    ['nobody == 1', 'Unknown variable: nobody'],
    ['request.method == 5', 'no such overload'],
    ['request.path', 'must be true or false; this is of type string'],
    ['claims.email.matches("(a")', 'not valid RE2 syntax'],
    ['claims.email.matches("(?=a)")', 'not valid RE2 syntax'],
    ['claims.email.matches(claims.tenant)', 'must be written out'],
    ['[1].all(a, [2].all(b, [3].all(c, a == b)))', 'more than 2'],
    ['claims.email.matchesRe2("a")', 'no expression'],
    [`[${'1,'.repeat(300)}1].size() == 1`, 'no expression'],
  ])('%s is refused when it is written: %s', (expression, message) => {
    expect(() => bindPolicies([require, { expressions: ['true', expression] }])).toThrow(message);
    expect(() => bindPolicies([require, { expressions: ['true', expression] }])).toThrow('expressions[1]');
  });

  test('a regular expression runs in linear time', async () => {
    const claims = { text: `${'a'.repeat(30_000)}!` };
    expect(await may({ ...ANN, claims }, { expressions: ['claims.text.matches("^(a+)+$")'] })).toBe(false);
  });
});

test('an empty one is refused: it would ask for nothing', () => {
  for (const config of [{}, { adminRole: 'root' }])
    expect(() => bindPolicies([require, config])).toThrow('say what is required');
});
