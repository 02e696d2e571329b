import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Identity, identityOf, identitySlot } from '../pipeline/identity.ts';
import { identityHeaders } from './identity-headers.ts';
import { bindPolicies, type Entry, exchange, testStep } from './testing.ts';

let identity: Identity | undefined;
const who = testStep('authn', (x) => {
  if (identity !== undefined) x.set(identitySlot, identity);
});

const ANN: Identity = identityOf({
  ...{ user: 'ann', consumer: 'acme', groups: ['a', 'b,c'], roles: ['editor'], permissions: ['p'] },
  ...{ claims: { email: 'ann@example.com', level: 3, tags: ['x'], none: null }, schemes: ['jwt'] },
});

async function sent(as: Identity | undefined, lines: readonly string[], ...entries: readonly Entry[]) {
  identity = as;
  const { forwarded } = await exchange(bindPolicies(...entries), { lines });
  return forwarded!.filter((line) => !line.startsWith('host:'));
}

const FORGED = [
  ...[
    'X-Consumer-Name: root',
    'x-user-id: root',
    'X-USER-ID: root2',
    'X_User_ID: root',
    'X-Consumer_Name: root',
  ],
  ...['X_Groups: admins', 'X-Roles: user,admin', 'X-Roles: admin', 'Connection: X-User-ID'],
];

test('says who it is', async () => {
  expect(await sent(ANN, [], [who, {}], [identityHeaders, {}])).toEqual([
    ...['x-user-id: ann', 'x-consumer-name: acme', 'x-groups: a,b%2Cc', 'x-roles: editor'],
  ]);
});

test.each([undefined, identityOf({}), identityOf({ schemes: ['jwt'] })])(
  'of nobody nothing is said, and what clients say goes: %j',
  async (nobody) => {
    const lines = await sent(nobody, [...FORGED, 'X-Other: stays'], [who, {}], [identityHeaders, {}]);
    expect(lines).toEqual(['connection: X-User-ID', 'x-other: stays']);
  },
);

test('a forged copy never stands beside the true one', async () => {
  const lines = await sent(ANN, FORGED, [who, {}], [identityHeaders, {}]);
  expect(lines.join('\n')).not.toMatch(/root|admin/);
  expect(lines.filter((line) => line.startsWith('x-user-id'))).toEqual(['x-user-id: ann']);
});

test('names may be others; those that are not used go all the same', async () => {
  const claims = ['email', 'level', 'tags', 'none', 'nope', '__proto__'].map((claim) => ({
    claim,
    header: `X-Claim-${claim.replaceAll('_', '')}`,
  }));
  const config = { user: 'X-Remote-User', groups: '', roles: '', permissions: 'X-May', claims };
  const forged = [...FORGED, 'X-Remote-User: root', 'X-Claim-None: root'];
  expect(await sent(ANN, forged, [who, {}], [identityHeaders, config])).toEqual([
    'connection: X-User-ID',
    ...['x-remote-user: ann', 'x-consumer-name: acme', 'x-may: p'],
    ...['x-claim-email: ann@example.com', 'x-claim-level: 3', 'x-claim-tags: ["x"]'],
  ]);
});

test('any text can be sent, and no two look the same', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(text, { minLength: 1, maxLength: 3 }), async (user, groups) => {
      const lines = await sent(
        identityOf({ user, groups, schemes: ['jwt'] }),
        [],
        [who, {}],
        [identityHeaders, {}],
      );
      const value = (name: string) => lines.find((line) => line.startsWith(name))!.slice(name.length);
      expect(decodeURIComponent(value('x-user-id: '))).toBe(user.toWellFormed());
      expect(value('x-groups: ').split(',').map(decodeURIComponent)).toEqual(
        groups.map((one) => one.toWellFormed()),
      );
    }),
  );
});

test.each([
  [{ user: 'Connection' }, 'belongs to the connection'],
  [{ user: 'Host' }, 'Host is not changed here'],
  [{ user: 'X_User' }, 'write - in place of _'],
  [{ user: 'X User' }, 'a header name'],
  [{ claims: [{ claim: 'a', header: '' }] }, 'must not be empty'],
])('%j can not be', (config, message) => {
  expect(() => bindPolicies([identityHeaders, config])).toThrow(message);
});
