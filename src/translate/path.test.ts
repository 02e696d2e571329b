import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalizePath } from '../lib/path.ts';
import { canonicalPath } from './path.ts';

test.each([
  ['exact', '/a//b/../c/', 'exact', '/a/c/'],
  ['exact', '/%61', 'exact', '/a'],
  ['exact', '/a/*', 'prefix', '/a'],
  ['exact', '/*', 'prefix', '/'],
  ['prefix', '/', 'prefix', '/'],
  ['prefix', '/a/', 'prefix', '/a'],
  ['prefix', '/a/*', 'prefix', '/a'],
  ['template', '/u/{id}', 'template', '/u/{id}'],
  ['template', '/%75/{id}/{_x9}/', 'template', '/u/{id}/{_x9}/'],
] as const)('%s %s is %s %s', (kind, text, wanted, value) => {
  expect(canonicalPath(kind, text)).toEqual({ ok: true, path: { kind: wanted, value } });
});

test.each([
  ['prefix', '/a*'],
  ['prefix', '/a/*/b'],
  ['exact', '/..'],
  ['exact', '/a%2Fb'],
  ['exact', '/a\\b'],
  ['template', '/{a}/{a}'],
  ['template', '/{a-b}'],
  ['template', '/x{a}'],
  ['template', '/{a}//b'],
  ['template', '/{a}/../b'],
  ['template', '/{a}/*'],
  ['template', '/{'],
] as const)('%s %s is refused', (kind, text) => {
  expect(canonicalPath(kind, text)).toMatchObject({ ok: false, message: expect.stringContaining(text) });
});

const anyPath = fc
  .array(fc.constantFrom('a', 'b c', '%41', '..', '.', '', '%2e', '{id}', '*', ';', '%zz'))
  .map((parts) => `/${parts.join('/')}`);

test('what is taken is in the form that requests have', () => {
  fc.assert(
    fc.property(fc.constantFrom('exact' as const, 'prefix' as const), anyPath, (kind, text) => {
      const result = canonicalPath(kind, text);
      if (!result.ok) return;
      expect(normalizePath(result.path.value)).toBe(result.path.value);
      expect(canonicalPath(result.path.kind, result.path.value)).toEqual(result);
    }),
  );
});
