import { describe, expect, it } from 'vitest';
import { fields } from '../../lib/schema.ts';
import { type Identity, identityOf, identitySlot, toldSlot } from '../../pipeline/identity.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { createCacheMemory } from '../../state/cache/memory.ts';
import { cors } from '../cors.ts';
import { errorPages } from '../error-pages.ts';
import { bindPolicies, bindPoliciesWith, exchange, type TestAnswer, type TestRequest } from '../testing.ts';
import { cache } from './index.ts';

const FRESH = 'Cache-Control: max-age=3600';

/** Believes what the request says of who sent it. */
const believing = definePolicy({
  name: 'believing',
  phase: 'authn',
  summary: 'For tests.',
  schema: fields({}, 'Nothing.'),
  bind: () => ({
    onRequest(x) {
      const said = x.request.header('x-identity');
      if (said !== null) x.set(identitySlot, identityOf(JSON.parse(said) as Partial<Identity>));
    },
  }),
});

function as(identity: Partial<Identity>, ...lines: readonly string[]): TestRequest {
  const said = { schemes: ['test'], ...identity };
  return { lines: [`X-Identity: ${JSON.stringify(said)}`, ...lines] };
}

/** Whether the second request gets what the first one was answered. */
async function shares(
  config: unknown,
  first: TestRequest,
  second: TestRequest,
  answer: TestAnswer = { lines: [FRESH], body: 'x' },
): Promise<boolean> {
  const rule = bindPolicies([believing, {}], [cache, config]);
  await exchange(rule, first, answer);
  const { forwarded } = await exchange(rule, second, answer);
  return forwarded === null;
}

/** A service of the operator says who sent it; nobody is authenticated here. */
const told = definePolicy({
  name: 'told',
  phase: 'authz',
  summary: 'For tests.',
  schema: fields({}, 'Nothing.'),
  bind: () => ({
    onRequest: (x) => x.set(toldSlot, x.request.header('x-said') ?? ''),
  }),
});

it('answers are kept apart by what a service said of the client', async () => {
  const rule = bindPolicies([told, {}], [cache, {}]);
  const asked = async (who: string) => {
    const { forwarded } = await exchange(rule, { lines: [`X-Said: ${who}`] }, { lines: [FRESH], body: who });
    return forwarded !== null;
  };
  expect([await asked('ann'), await asked('bob'), await asked('ann')]).toEqual([true, true, false]);
});

it('what a shadow keeps is never served by a cache that acts', async () => {
  // A shadow strips no parameter: the backend made this answer of one that is in no key.
  const config = { key: { query: { ignore: ['utm'] } } };
  const env = { cache: createCacheMemory({ threads: 1, bytes: 1024 * 1024 }) };
  const shadow = bindPoliciesWith({ env }, [cache, config, 'shadow']);
  await exchange(shadow, { target: '/a?utm=evil' }, { lines: [FRESH], body: 'evil' });
  const acting = bindPoliciesWith({ env }, [cache, config]);
  expect((await exchange(acting, { target: '/a' }, { lines: [FRESH], body: 'x' })).forwarded).not.toBeNull();
});

describe('who was authenticated', () => {
  const ann = as({ user: 'ann' });
  it.each<[string, TestRequest, TestRequest, boolean]>([
    ['the same user', ann, ann, true],
    ['another user', ann, as({ user: 'bob' }), false],
    ['nobody', ann, {}, false],
    ['somebody after nobody', {}, ann, false],
    ['nobody twice', {}, {}, true],
    ['a user of that name by another way', ann, as({ consumerKey: 'ann' }), false],
    [
      'parts that join to the same text',
      as({ user: 'a', consumerKey: 'bc' }),
      as({ user: 'ab', consumerKey: 'c' }),
      false,
    ],
    [
      'a user of that name of another issuer',
      as({ user: 'ann', claims: { iss: 'x' } }),
      as({ user: 'ann', claims: { iss: 'y' } }),
      false,
    ],
    ['the same user, proved in another way', ann, as({ user: 'ann', schemes: ['other'] }), false],
    ['the same user with other roles', ann, as({ user: 'ann', roles: ['admin'] }), false],
    ['the same user with other permissions', ann, as({ user: 'ann', permissions: ['write'] }), false],
    ['the same user in other groups', ann, as({ user: 'ann', groups: ['ops'] }), false],
    [
      'a role of the name of a group',
      as({ user: 'ann', roles: ['x'] }),
      as({ user: 'ann', groups: ['x'] }),
      false,
    ],
    [
      'somebody of a Consumer whose token does not say who',
      as({ consumerKey: 'acme', claims: { email: 'ann' } }),
      as({ consumerKey: 'acme', claims: { email: 'bob' } }),
      false,
    ],
    ['another key', as({ apiKey: '1' }), as({ apiKey: '2' }), false],
    ['somebody of whom nothing is known', as({ claims: { a: 1 } }), as({ claims: { a: 1 } }), false],
  ])('answers are kept for him alone: %s', async (_, first, second, shared) => {
    expect(await shares({}, first, second)).toBe(shared);
  });

  it('does not matter where all may have the same', async () => {
    expect(await shares({ key: { users: 'shared' } }, ann, as({ user: 'bob' }))).toBe(true);
  });

  it('is not enough for answers to Authorization, unless that is said', async () => {
    const signed = as({ user: 'ann' }, 'Authorization: Bearer 1');
    expect(await shares({}, signed, signed)).toBe(false);
    expect(await shares({ authorization: 'key' }, signed, signed)).toBe(true);
    expect(
      await shares({ authorization: 'key' }, signed, as({ user: 'ann' }, 'Authorization: Bearer 2')),
    ).toBe(false);
    expect(
      await shares({ authorization: 'ignore' }, signed, as({ user: 'ann' }, 'Authorization: Bearer 2')),
    ).toBe(true);
    expect(
      await shares({ authorization: 'ignore' }, signed, as({ user: 'bob' }, 'Authorization: Bearer 1')),
    ).toBe(false);
  });
});

describe('cookies', () => {
  const answer = { body: 'x' };
  const first = { lines: ['Cookie: a=1'] };
  const second = { lines: ['Cookie: a=2'] };
  it.each([
    ['rfc', first, first, false],
    ['key', first, first, true],
    ['key', first, second, false],
    ['ignore', first, second, true],
  ])('%s, where a fixed time decides: %j, %j: %j', async (cookies, one, other, shared) => {
    expect(await shares({ ttl: '1h', cookies }, one, other, answer)).toBe(shared);
  });
});

describe('beside other policies', () => {
  it('a kept answer is the backend’s: it gets no page of the gateway’s, and headers of its own client', async () => {
    const origins = ['https://a.test', 'https://b.test'];
    const pages = { pages: [{ statuses: ['404'], body: 'page' }] };
    const rule = bindPolicies([errorPages, pages], [cors, { origins }], [cache, {}]);
    const answer = { status: 404, lines: [FRESH], body: 'theirs' };
    await exchange(rule, { lines: ['Origin: https://a.test'] }, answer);
    const { forwarded, body, header } = await exchange(rule, { lines: ['Origin: https://b.test'] }, answer);
    expect(forwarded).toBeNull();
    expect(body).toBe('theirs');
    expect(header('access-control-allow-origin')).toBe('https://b.test');
  });

  it('of two caches of a rule the first counts', async () => {
    const rule = bindPolicies([cache, {}], [cache, { ttl: '1h' }]);
    await exchange(rule, {}, { lines: [FRESH], body: 'x' });
    const { lines } = await exchange(rule, {}, { lines: [FRESH], body: 'x' });
    expect(lines.filter((line) => line.startsWith('cache-status'))).toHaveLength(1);
  });

  it('without cacheStatus says nothing', async () => {
    const rule = bindPolicies([cache, { cacheStatus: false }]);
    const { header } = await exchange(rule, {}, { lines: [FRESH, 'Cache-Tag: a'], body: 'x' });
    expect([header('cache-status'), header('cache-tag')]).toEqual([null, null]);
  });
});

describe('what is refused when the object is read', () => {
  it.each([
    [{ key: { query: { ignore: ['a'], only: ['b'] } } }, 'ignore or only'],
    [{ key: { query: { ignore: ['a&b'] } } }, 'ignore'],
    [{ maxBody: '1Gi' }, '64Mi'],
    [{ maxBody: 200_000_000 }, '64Mi'],
    [{ maxBody: '999999999999999999Ei' }, 'too large'],
    [{ errorTtl: [{ status: 200, ttl: '1s' }] }, 'status'],
    [{ ttl: 'soon' }, 'ttl'],
  ])('%j', (config, message) => {
    expect(() => bindPolicies([cache, config])).toThrow(message);
  });

  it('a Redis that the gateway does not have closes the rule', () => {
    expect(() => bindPolicies([cache, { store: { redis: { ref: 'none' } } }])).toThrow('none');
  });
});
