import { expect, test } from 'vitest';
import type { RouteMatch, ValueTest } from '../ir/route.ts';
import { compileConditions } from './conditions.ts';
import { inputOf, matchOf } from './testing.ts';

const SAMPLES: Readonly<Record<ValueTest['kind'], ValueTest>> = {
  exact: { kind: 'exact', value: 'admin' },
  prefix: { kind: 'prefix', value: 'adm' },
  regex: { kind: 'regex', pattern: 'adm.n' },
  present: { kind: 'present' },
  absent: { kind: 'absent' },
};

function passes(match: Partial<RouteMatch>, input: Parameters<typeof inputOf>[0]): boolean {
  const conditions = compileConditions(matchOf({ kind: 'prefix', value: '/' }, match));
  return conditions.every((condition) => condition.test(inputOf(input)));
}

// A header in two lines arrives joined by a comma.
test.each([
  ['admin', ['exact', 'prefix', 'regex', 'present']],
  ['administrator', ['prefix', 'present']],
  ['user, admin', ['present']],
  ['admin, user', ['prefix', 'present']],
  ['user,admin', ['present']],
  ['Admin', ['present']],
  ['', ['present']],
  [undefined, ['absent']],
])('a value %j passes %j', (value, expected) => {
  const values = value === undefined ? {} : { role: value };
  const kinds = Object.keys(SAMPLES) as ValueTest['kind'][];
  const passing = (where: 'headers' | 'query' | 'cookies' | 'claims') =>
    kinds.filter((kind) => passes({ [where]: [{ name: 'role', test: SAMPLES[kind] }] }, { [where]: values }));
  expect(passing('headers')).toEqual(expected);
  expect(passing('query')).toEqual(expected);
  expect(passing('cookies')).toEqual(expected);
  expect(passing('claims')).toEqual(expected);
});

test.each([
  [['user', 'admin'], true],
  [['user'], false],
  [[['admin']], false],
  [{ admin: true }, false],
  [null, false],
])('the claim %j passes a test for admin: %s', (role, expected) => {
  expect(passes({ claims: [{ name: 'role', test: SAMPLES.exact }] }, { claims: { role } })).toBe(expected);
});

test('numbers and booleans in claims are compared as they are written', () => {
  const level: ValueTest = { kind: 'exact', value: '7' };
  expect(passes({ claims: [{ name: 'level', test: level }] }, { claims: { level: 7 } })).toBe(true);
  const staff: ValueTest = { kind: 'exact', value: 'true' };
  expect(passes({ claims: [{ name: 'staff', test: staff }] }, { claims: { staff: true } })).toBe(true);
});

test('any of the client addresses will do', () => {
  const match = { clientAddresses: ['10.0.0.0/8', '::1'] };
  expect(passes(match, { clientAddress: '10.1.1.1' })).toBe(true);
  expect(passes(match, { clientAddress: '::1' })).toBe(true);
  expect(passes(match, { clientAddress: '11.1.1.1' })).toBe(false);
});
