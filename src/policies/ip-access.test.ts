import { expect, test } from 'vitest';
import { ipAccess } from './ip-access.ts';
import { bindPolicies, exchange } from './testing.ts';

const ALLOW = { allow: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'] };
const DENY = { deny: ['10.1.0.0/16'] };

test.each([
  [ALLOW, '10.2.3.4', true],
  [ALLOW, '::ffff:10.2.3.4', true],
  [ALLOW, '2001:db8::1', true],
  [ALLOW, '192.0.2.7', true],
  [ALLOW, '192.0.2.8', false],
  [ALLOW, '::1', false],
  [ALLOW, '', false],
  [DENY, '10.2.3.4', true],
  [DENY, '10.1.3.4', false],
  [DENY, '::ffff:10.1.3.4', false],
  [{ ...ALLOW, ...DENY }, '10.1.3.4', false],
  [{ ...ALLOW, ...DENY }, '10.2.3.4', true],
  [{ ...ALLOW, ...DENY }, '192.0.2.8', false],
  [{ allow: ['0.0.0.0/0'] }, '::1', false],
])('%j lets %s in: %s', async (config, client, admitted) => {
  const outcome = await exchange(bindPolicies([ipAccess, config]), { client });
  expect([outcome.status, outcome.forwarded !== null]).toEqual([admitted ? 200 : 403, admitted]);
});

test('says nothing about addresses', async () => {
  const { body } = await exchange(bindPolicies([ipAccess, { deny: ['192.0.2.1'] }]));
  expect(body).not.toMatch(/192|address/);
});

test.each([
  [{}, 'must not be empty'],
  [{ allow: [] }, 'must not be empty'],
  [{ allow: ['10.0.0.0/33'] }, 'is not a CIDR block'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([ipAccess, config])).toThrow(message);
});
