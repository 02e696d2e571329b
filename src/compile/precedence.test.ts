import { expect, test } from 'vitest';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { PathMatch, RouteIr, RouteMatch } from '../ir/route.ts';
import { TableBuilder } from './builder.ts';
import type { Loss } from './table.ts';
import { inputOf, matchOf, routeOf, testEnv } from './testing.ts';

const exact = (value: string): PathMatch => ({ kind: 'exact', value });
const prefix = (value: string): PathMatch => ({ kind: 'prefix', value });
const template = (value: string): PathMatch => ({ kind: 'template', value });
const regex = (pattern: string): PathMatch => ({ kind: 'regex', pattern });
const header = { headers: [{ name: 'x', test: { kind: 'present' } }] } as const;

type Side = readonly [path: PathMatch, match?: Partial<RouteMatch>, route?: Partial<RouteIr>];
type By = Extract<Loss, { reason: 'precedence' }>['by'];

function contest(first: RouteIr, second: RouteIr, path: string, by: By): void {
  // The order in which they come must not matter.
  for (const upsertRoutes of [
    [first, second],
    [second, first],
  ]) {
    const builder = new TableBuilder(testEnv());
    const { table } = builder.apply({ ...NO_CHANGE, upsertRoutes }, 1);
    const { winner, candidates } = table.explain(inputOf({ path, headers: { x: '1' } }), 10);
    expect(winner?.rule.route.key).toBe(first.key);
    expect(candidates).toMatchObject([{ loss: { reason: 'precedence', by } }]);
  }
}

test.each<[winner: Side, loser: Side, path: string, by: By]>([
  [[prefix('/'), {}, { hosts: ['example.com'] }], [exact('/a')], '/a', 'host'],
  [[prefix('/'), {}, { hosts: ['*.com'] }], [exact('/a')], '/a', 'host'],
  [[prefix('/'), {}, { hosts: ['example.com'] }], [exact('/a'), {}, { hosts: ['*.com'] }], '/a', 'host'],
  [[exact('/a/b')], [template('/a/b')], '/a/b', 'pathKind'],
  [[exact('/a/b')], [prefix('/a/b'), header], '/a/b', 'pathKind'],
  [[template('/a/b')], [prefix('/a/b'), header], '/a/b', 'pathKind'],
  [[template('/a/{x}')], [prefix('/a')], '/a/b', 'pathLength'],
  [[prefix('/a/b')], [prefix('/a'), header], '/a/b/c', 'pathLength'],
  [[prefix('/a/b')], [template('/a/{x}/c')], '/a/b/c', 'pathLength'],
  [[template('/a/{x}')], [template('/{x}/b')], '/a/b', 'pathLength'],
  [[prefix('/')], [regex('/a/very/long/pattern/.*'), header], '/a/very/long/pattern/x', 'pathKind'],
  [[regex('/aa*b?c?')], [regex('/a+'), header], '/aa', 'pathLength'],
  [[prefix('/a'), header], [prefix('/a')], '/a', 'conditions'],
  [[prefix('/a'), { methods: ['GET'], ...header }], [prefix('/a'), header], '/a', 'conditions'],
  [[prefix('/a'), {}, { createdAtMs: 1 }], [prefix('/a'), {}, { createdAtMs: 2 }], '/a', 'age'],
  [[template('/{x}')], [template('/{y}')], '/a', 'name'],
])('%j goes before %j', (winner, loser, path, by) => {
  const first = routeOf('a', [matchOf(winner[0], winner[1])], winner[2]);
  const second = routeOf('b', [matchOf(loser[0], loser[1])], loser[2]);
  contest(first, second, path, by);
  // Names decide last, and only then do they decide.
  if (by !== 'name') contest({ ...first, ...renamed('z') }, { ...second, ...renamed('y') }, path, by);
});

function renamed(name: string): Pick<RouteIr, 'key' | 'origin'> {
  const { key, origin } = routeOf(name, []);
  return { key, origin };
}

test('within a route, rules and their matches go in the order in which they are written', () => {
  const matches = [matchOf(prefix('/a')), matchOf(prefix('/a'))];
  const builder = new TableBuilder(testEnv());
  const { table } = builder.apply({ ...NO_CHANGE, upsertRoutes: [routeOf('a', matches)] }, 1);
  const { winner, candidates } = table.explain(inputOf({ path: '/a' }), 10);
  expect(winner?.match).toBe(matches[0]);
  expect(candidates).toMatchObject([{ loss: { reason: 'precedence', by: 'ruleOrder' } }]);
});
