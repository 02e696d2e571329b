import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { PathMatch, RouteIr, RouteMatch } from '../ir/route.ts';
import { TableBuilder } from './builder.ts';
import { findShadowed } from './shadow.ts';
import { inputOf, matchOf, routeOf, testEnv } from './testing.ts';

const prefix = (value: string): PathMatch => ({ kind: 'prefix', value });
const template = (value: string): PathMatch => ({ kind: 'template', value });
const regex = (pattern: string): PathMatch => ({ kind: 'regex', pattern });
const tenant: Partial<RouteMatch> = { headers: [{ name: 'x', test: { kind: 'exact', value: '1' } }] };
const other: Partial<RouteMatch> = { headers: [{ name: 'y', test: { kind: 'exact', value: '1' } }] };

type Side = readonly [path: PathMatch, match?: Partial<RouteMatch>, route?: Partial<RouteIr>];

test.each<[string, Side, Side, boolean]>([
  ['the same', [prefix('/a')], [prefix('/a')], true],
  ['another path', [prefix('/a')], [prefix('/b')], false],
  ['another kind', [prefix('/a')], [template('/a')], false],
  ['a longer prefix', [prefix('/a')], [prefix('/a/b')], false],
  ['other names of parameters', [template('/{x}/a')], [template('/{y}/a')], true],
  ['a text that looks like a key', [template('/{x}')], [prefix('/{}')], false],
  ['more conditions', [prefix('/a')], [prefix('/a'), tenant], false],
  ['the same conditions', [prefix('/a'), tenant], [prefix('/a'), tenant], true],
  ['other conditions', [prefix('/a'), tenant], [prefix('/a'), other], false],
  [
    'fewer methods',
    [prefix('/a'), { methods: ['GET', 'POST'] }],
    [prefix('/a'), { methods: ['POST'] }],
    true,
  ],
  ['more methods', [prefix('/a'), { methods: ['GET'] }], [prefix('/a'), { methods: ['GET', 'PUT'] }], false],
  ['fewer listeners', [prefix('/a')], [prefix('/a'), {}, { listeners: ['http'] }], true],
  ['more listeners', [prefix('/a'), {}, { listeners: ['http'] }], [prefix('/a')], false],
  [
    'one of several hosts',
    [prefix('/a'), {}, { hosts: ['a.com', 'b.com'] }],
    [prefix('/a'), {}, { hosts: ['a.com'] }],
    true,
  ],
  [
    'a host of its own',
    [prefix('/a'), {}, { hosts: ['a.com'] }],
    [prefix('/a'), {}, { hosts: ['a.com', 'b.com'] }],
    false,
  ],
  ['a less specific host', [prefix('/a'), {}, { hosts: ['*.com'] }], [prefix('/a')], false],
  ['a regex below the root', [prefix('/')], [regex('.*'), tenant], true],
  ['a regex below a prefix', [prefix('/api/v1')], [regex('/api/v1/[a-z]+')], true],
  ['a regex beside it', [prefix('/api/v1')], [regex('/api/v[0-9]/x')], false],
  ['a regex that may stop short', [prefix('/api/v1')], [regex('/api/v1/?')], false],
  ['a regex with alternatives', [prefix('/api')], [regex('/api/a|/b')], false],
  ['a regex under a prefix with a condition', [prefix('/'), tenant], [regex('.*')], false],
  ['a regex on another host', [prefix('/'), {}, { hosts: ['a.com'] }], [regex('.*')], false],
])('%s', (_, first, second, expected) => {
  const routes = [second, first].map(([path, match, more], i) =>
    routeOf(i === 0 ? 'second' : 'first', [matchOf(path, match)], { createdAtMs: i === 0 ? 2 : 1, ...more }),
  );
  const found = findShadowed(routes).map(({ origin, by }) => [origin.object.name, by.object.name]);
  expect(found).toEqual(expected ? [['second', 'first']] : []);
});

test('the origin names the match', () => {
  const [found] = findShadowed([routeOf('a', [matchOf(prefix('/a')), matchOf(prefix('/a'))])]);
  expect(found?.origin.fieldPath).toBe('spec.rules[0].matches[1]');
  expect(found?.by.fieldPath).toBe('spec.rules[0].matches[0]');
});

const path = fc.constantFrom(
  prefix('/'),
  prefix('/a'),
  prefix('/a/b'),
  template('/{x}'),
  template('/{y}'),
  template('/a/{x}'),
  regex('/a/.*'),
  regex('/a/b/?c?'),
  regex('/.*'),
  regex('/a?'),
  { kind: 'exact', value: '/a' } as const,
);
const route = fc
  .record({
    path,
    match: fc.constantFrom<Partial<RouteMatch>>(
      {},
      {},
      {},
      tenant,
      { methods: ['GET'] },
      { methods: ['GET', 'PUT'] },
    ),
    hosts: fc.constantFrom<string[]>([], ['a.com'], ['*.com', 'a.com'], ['*.com']),
    listeners: fc.constantFrom<string[]>([], [], ['http']),
  })
  .map(({ path: p, match, ...more }) => ({ matches: [matchOf(p, match)], more }));

test('what is reported never wins', () => {
  fc.assert(
    fc.property(fc.array(route, { maxLength: 8 }), (specs) => {
      const routes = specs.map(({ matches, more }, i) => routeOf(`r${i}`, matches, more));
      const shadowed = new Set(findShadowed(routes).map(({ origin }) => origin.object.name));
      const delta = { ...NO_CHANGE, upsertRoutes: routes };
      const { table } = new TableBuilder(testEnv()).apply(delta, 1);
      for (const host of ['a.com', 'b.com', 'c.org']) {
        for (const one of ['/', '/a', '/a/', '/b', '/a/b', '/a/b/', '/a/b/c', '/a/c', '/ab']) {
          for (const [method, listener, x] of [
            ['GET', 'http', '1'],
            ['GET', 'tls', '2'],
            ['PUT', 'http', '2'],
            ['POST', 'tls', '1'],
          ] as const) {
            const winner = table.match(inputOf({ host, path: one, method, listener, headers: { x } }));
            if (winner !== null) expect(shadowed).not.toContain(winner.rule.route.origin.object.name);
          }
        }
      }
    }),
    { numRuns: 500 },
  );
});
