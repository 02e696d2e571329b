import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pathMap } from './path-map.ts';
import { bindPolicies, exchange } from './testing.ts';

const PATHS = [
  { from: '/old', to: '/new/page' },
  { from: '/v1', to: '/v2', kind: 'prefix' },
  { from: '/v1/users/', to: '/people', kind: 'prefix' },
  { from: '/v1/users/me', to: '/self' },
  { from: '/v1', to: '/later', kind: 'prefix' },
];

const mapped = async (paths: object[], target: string): Promise<string> =>
  (await exchange(bindPolicies([pathMap, { paths }]), { target })).forwardedPath;

test.each([
  ['/old', '/new/page'],
  ['/old?a=1', '/new/page'],
  ['/old/', '/old/'],
  ['/oldx', '/oldx'],
  ['/v1', '/v2'],
  ['/v1/', '/v2/'],
  ['/v1/a/b', '/v2/a/b'],
  ['/v1x', '/v1x'],
  ['/v1/users', '/people'],
  ['/v1/users/7', '/people/7'],
  ['/v1/users/me', '/self'],
  ['/%6fld', '/new/page'],
  ['/x/../old', '/new/page'],
  ['/', '/'],
])('%s becomes %s', async (target, expected) => {
  expect(await mapped(PATHS, target)).toBe(expected);
});

test.each([
  ['/', '/base', '/a', '/base/a'],
  ['/', '/base', '/', '/base/'],
  ['/api', '/', '/api', '/'],
  ['/api', '/', '/api/a', '/a'],
])('prefix %s to %s: %s becomes %s', async (from, to, target, expected) => {
  expect(await mapped([{ from, to, kind: 'prefix' }], target)).toBe(expected);
});

test('the longest prefix wins, whatever the order', async () => {
  const segments = fc
    .array(fc.constantFrom('a', 'b'), { maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const from = fc.uniqueArray(
    segments.filter((one) => one !== '/'),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(from, segments, async (prefixes, target) => {
      const best = prefixes
        .filter((prefix) => target === prefix || target.startsWith(`${prefix}/`))
        .toSorted((a, b) => b.length - a.length)[0];
      const paths = prefixes.map((prefix) => ({ from: prefix, to: `/x${prefix}`, kind: 'prefix' }));
      expect(await mapped(paths, target)).toBe(best === undefined ? target : `/x${target}`);
    }),
    { numRuns: 100 },
  );
});

test('OPTIONS * stays', async () => {
  const rule = bindPolicies([pathMap, { paths: [{ from: '/', to: '/base', kind: 'prefix' }] }]);
  expect((await exchange(rule, { method: 'OPTIONS', target: '*' })).status).toBe(200);
});

test.each(['a', '/a/../../b', '/a%2fb', '/a?b', '/a#b', ''])('%j is refused', (bad) => {
  expect(() => bindPolicies([pathMap, { paths: [{ from: bad, to: '/a' }] }])).toThrow('paths[0].from');
  expect(() => bindPolicies([pathMap, { paths: [{ from: '/a', to: bad }] }])).toThrow('paths[0].to');
});
