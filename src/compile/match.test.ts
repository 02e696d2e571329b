import { expect, test } from 'vitest';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { RouteIr } from '../ir/route.ts';
import { TableBuilder } from './builder.ts';
import { inputOf, matchOf, routeOf, testEnv } from './testing.ts';

function takes(route: RouteIr, request: Parameters<typeof inputOf>[0]): boolean {
  const delta = { ...NO_CHANGE, upsertRoutes: [route] };
  return new TableBuilder(testEnv()).apply(delta, 1).table.match(inputOf(request)) !== null;
}

test.each([
  ['/api/v1/users', '/api/v1/users', true],
  ['/api/v1/users', '/api/v1/users/', true],
  ['/api/v1/users', '/api/v1/users/7', true],
  ['/api/v1/users', '/api/v1/usersX', false],
  ['/api/v1/users', '/api/v1/users;x', false],
  ['/api/v1/users', '/api/v1', false],
  ['/', '/', true],
  ['/', '/x/y', true],
  ['/', '*', false],
])('the prefix %s and the path %s: %s', (prefix, path, expected) => {
  expect(takes(routeOf('r', [matchOf({ kind: 'prefix', value: prefix })]), { path })).toBe(expected);
});

test.each([
  ['/users/{id}', '/users/7', true],
  ['/users/{id}', '/users/', false],
  ['/users/{id}', '/users', false],
  ['/users/{id}', '/users/7/', false],
  ['/users/{id}/', '/users/7/', true],
  ['/users/{id}', '/users/7/orders', false],
  ['/{a}/{b}', '/x/y', true],
])('the template %s and the path %s: %s', (template, path, expected) => {
  expect(takes(routeOf('r', [matchOf({ kind: 'template', value: template })]), { path })).toBe(expected);
});

test.each([
  ['a.example.com', true],
  ['a.b.c.example.com', true],
  ['example.com', false],
  ['.example.com', false],
  ['badexample.com', false],
  ['', false],
  [`${'a.'.repeat(200)}example.com`, false],
])('*.example.com and the host %.20s: %s', (host, expected) => {
  const route = routeOf('r', [matchOf({ kind: 'prefix', value: '/' })], { hosts: ['*.example.com'] });
  expect(takes(route, { host })).toBe(expected);
});

test('names that objects inherit are names like any other', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const route = routeOf('r', [matchOf({ kind: 'exact', value: `/${name}` })], { hosts: [name] });
    expect(takes(route, { host: name, path: `/${name}` })).toBe(true);
    expect(takes(route, { host: 'a', path: `/${name}` })).toBe(false);
    expect(takes(route, { host: name, path: '/a' })).toBe(false);
  }
});
