import { expect, test } from 'vitest';
import { ANONYMOUS, identityOf, isAnonymous, mergeIdentities } from './identity.ts';

const ACME = { consumer: 'acme', consumerKey: 'Consumer/shop/acme' };

test('the earlier proof goes before, sets add up', () => {
  const key = identityOf({ ...ACME, apiKey: 'k', groups: ['a', 'b'], schemes: ['apiKey'] });
  const token = identityOf({
    ...{ ...ACME, user: 'ann', claims: { sub: 'ann', iss: 'x' } },
    ...{ groups: ['b', 'c'], roles: ['r'], permissions: ['p'], schemes: ['jwt'] },
  });
  expect(mergeIdentities(key, token)).toEqual({
    ...{ ...ACME, user: 'ann', apiKey: 'k', claims: { sub: 'ann', iss: 'x' } },
    ...{ groups: ['a', 'b', 'c'], roles: ['r'], permissions: ['p'], schemes: ['apiKey', 'jwt'] },
  });
  const other = identityOf({ user: 'bob', claims: { sub: 'bob', aud: 'y' }, schemes: ['second'] });
  expect(mergeIdentities(token, other)).toMatchObject({
    user: 'ann',
    claims: { sub: 'ann', iss: 'x', aud: 'y' },
  });
});

test('nobody is two consumers', () => {
  const of = (namespace: string, consumer: string) =>
    identityOf({ consumer, consumerKey: `Consumer/${namespace}/${consumer}`, schemes: ['apiKey'] });
  expect(mergeIdentities(of('x', 'a'), of('x', 'b'))).toBeNull();
  expect(mergeIdentities(of('x', 'a'), of('y', 'a'))).toBeNull();
  expect(mergeIdentities(of('x', 'a'), of('x', 'a'))).not.toBeNull();
});

test('anonymous is who has proved nothing', () => {
  const someone = identityOf({ schemes: ['basic'] });
  expect([undefined, ANONYMOUS, someone].map(isAnonymous)).toEqual([true, true, false]);
  expect(mergeIdentities(ANONYMOUS, someone)).toBe(someone);
});
