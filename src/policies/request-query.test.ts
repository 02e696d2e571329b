// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestQuery } from './request-query.ts';
import { bindPolicies, exchange } from './testing.ts';

const edited = async (config: object, query: string): Promise<string> => {
  const outcome = await exchange(bindPolicies([requestQuery, config]), {
    target: `/a?${query}`,
    lines: ['X-Tenant: a&b=c', 'X-Wide: \u00fc'],
  });
  return outcome.forwardedQuery;
};

test.each([
  [{ remove: ['a'] }, 'a=1&b=2&a=3', 'b=2'],
  [{ remove: ['a b'] }, 'a+b=1&a%20b=2&a=3', 'a=3'],
  [{ remove: ['a'] }, 'A=1&%61=2&a', 'A=1'],
  [{ rename: [{ from: 'a', to: 'b' }] }, 'b=0&x=1&a=%2f&a=2', 'x=1&b=%2f&b=2'],
  [{ rename: [{ from: 'a', to: 'b' }] }, 'b=0&x=1', 'b=0&x=1'],
  [{ rename: [{ from: 'a', to: 'b&c' }] }, 'a', 'b%26c'],
  [{ set: [{ name: 'a', value: '1' }] }, 'a=x&b=2&a=y', 'b=2&a=1'],
  [{ set: [{ name: 'a', value: '${header.x-none}' }] }, 'a=x&b=2', 'b=2'],
  [{ add: [{ name: 't', value: '${header.x-tenant}' }] }, 'a=1', 'a=1&t=a%26b%3Dc'],
  [{ add: [{ name: 'ü', value: '${header.x-wide} ${method}' }] }, '', '%C3%BC=%C3%BC%20GET'],
  [
    { dropOthers: true, rename: [{ from: 'q', to: 'search' }], add: [{ name: 'v', value: '2' }] },
    'q=x&admin=1',
    'search=x&v=2',
  ],
  [
    {
      rename: [{ from: 'a', to: 'b' }],
      remove: ['b'],
      set: [{ name: 'b', value: 's' }],
      add: [{ name: 'b', value: 'a' }],
    },
    'a=1&c=1',
    'c=1&b=s&b=a',
  ],
  [{}, 'a=%zz&&b&=&c=%', 'a=%zz&b&=&c=%'],
])('%j: %s becomes %s', async (config, query, expected) => {
  expect(await edited(config, query)).toBe(expected);
});

test('does what URLSearchParams does', async () => {
  const name = fc.constantFrom('a', 'b', 'ü', 'a b', '=', '&');
  const pairs = fc.array(
    fc.tuple(
      name,
      fc.string({ maxLength: 4 }).filter((s) => s.isWellFormed()),
    ),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(
      pairs,
      name,
      name,
      fc.stringMatching(/^[ -#%-~]{1,8}$/),
      async (sent, removed, set, value) => {
        const expected = new URLSearchParams(sent);
        expected.delete(removed);
        expected.delete(set);
        expected.append(set, value);
        const query = await edited(
          { remove: [removed], set: [{ name: set, value }] },
          new URLSearchParams(sent).toString(),
        );
        expect([...new URLSearchParams(query)]).toEqual([...expected]);
      },
    ),
    { numRuns: 100 },
  );
});

test.each([
  [{ set: [{ name: '', value: 'a' }] }, 'must not be empty'],
  [{ set: [{ name: 'a', value: '${nope}' }] }, 'there is no variable'],
  [
    {
      set: [
        { name: 'a', value: '1' },
        { name: 'a', value: '2' },
      ],
    },
    'has the same name',
  ],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([requestQuery, config])).toThrow(message);
});
