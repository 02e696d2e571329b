import { expect, test } from 'vitest';
import type { PathMatch, PathRewrite } from '../ir/route.ts';
import { normalizePath } from '../lib/path.ts';
import { compileRewrite } from './rewrite.ts';
import { matchOf } from './testing.ts';

test.each([
  ['/foo', '/xyz', '/foo/bar', '/xyz/bar'],
  ['/foo', '/xyz/', '/foo/bar', '/xyz/bar'],
  ['/foo', '/xyz', '/foo', '/xyz'],
  ['/foo', '/xyz', '/foo/', '/xyz/'],
  ['/foo', '', '/foo/bar', '/bar'],
  ['/foo', '/', '/foo/bar', '/bar'],
  ['/foo', '/', '/foo/', '/'],
  ['/foo', '/', '/foo', '/'],
  ['/foo', 'xyz', '/foo/bar', '/xyz/bar'],
  ['/', '/v1', '/', '/v1/'],
  ['/', '/v1', '/a/b', '/v1/a/b'],
  ['/', '/', '/a/b', '/a/b'],
  ['/api', '/', '/api/..a/admin', '/..a/admin'],
])('the prefix %s, replaced by %j, turns %s into %s', (prefix, value, path, expected) => {
  const rewrite = compileRewrite({ kind: 'replacePrefix', value });
  const result = rewrite?.(path, matchOf({ kind: 'prefix', value: prefix }));
  expect(result).toBe(expected);
  expect(normalizePath(result ?? '')).toBe(expected);
});

test('a match that takes the whole path gives way as a whole', () => {
  const rewrite = compileRewrite({ kind: 'replacePrefix', value: '/x' });
  const whole: PathMatch[] = [
    { kind: 'exact', value: '/a/b' },
    { kind: 'template', value: '/a/{id}' },
    { kind: 'regex', pattern: '/a.*' },
  ];
  for (const path of whole) expect(rewrite?.('/a/b', matchOf(path))).toBe('/x');
});

test.each<[PathRewrite, string, string]>([
  [{ kind: 'full', value: '/x' }, '/a/b', '/x'],
  [{ kind: 'full', value: 'x' }, '/a/b', '/x'],
  [{ kind: 'regex', pattern: '/(\\w+)/(\\w+)', substitution: '/$2/$1' }, '/a/b', '/b/a'],
  [{ kind: 'regex', pattern: '/(\\w+)/(\\w+)', substitution: '$2' }, '/a/b', '/b'],
  [{ kind: 'regex', pattern: '/a', substitution: '/x' }, '/a/b', '/x/b'],
  [{ kind: 'regex', pattern: '^/b', substitution: '/x' }, '/a/b', '/a/b'],
  [{ kind: 'regex', pattern: 'a', substitution: '' }, '/a/ba', '//b'],
])('%j turns %s into %s', (rewrite, path, expected) => {
  expect(compileRewrite(rewrite)?.(path, matchOf({ kind: 'prefix', value: '/' }))).toBe(expected);
});

test('none is null', () => {
  expect(compileRewrite({ kind: 'none' })).toBe(null);
});
