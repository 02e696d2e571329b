import Type from 'typebox';
import { expect, test } from 'vitest';
import { type IrDelta, NO_CHANGE } from '../ir/gateway.ts';
import type { ForwardAction, PathMatch, PolicyRef, RouteAction, RouteIr } from '../ir/route.ts';
import type { SecretName } from '../ir/secret.ts';
import { type BoundPolicy, definePolicy, type Phase, type PolicySpec } from '../pipeline/policy.ts';
import { TableBuilder } from './builder.ts';
import type { CompiledForward } from './table.ts';
import { inputOf, matchOf, RESPOND, routeOf, routeOfRules, testEnv } from './testing.ts';

const anyPath: PathMatch = { kind: 'prefix', value: '/' };
const origin = routeOf('o', []).origin;

function delta(change: Partial<IrDelta>): IrDelta {
  return { ...NO_CHANGE, ...change };
}

function forwardTo(cluster: string, more: Partial<ForwardAction> = {}): ForwardAction {
  return {
    kind: 'forward',
    backends: [{ cluster, weight: 1, origin }],
    balancing: 'roundRobin',
    requestTimeout: { kind: 'default' },
    backendTimeout: { kind: 'default' },
    idleTimeout: { kind: 'default' },
    retry: null,
    hedge: null,
    rewrite: { path: { kind: 'none' }, host: null },
    mirrors: [],
    maxBodyBytes: null,
    ...more,
  };
}

function routeTo(name: string, action: RouteAction, policies: readonly PolicyRef[] = []): RouteIr {
  return routeOfRules(name, [
    { matches: [matchOf({ kind: 'prefix', value: `/${name}` })], action, policies },
  ]);
}

function cluster(key: string) {
  return { key, service: key, protocol: { kind: 'http' }, host: null } as const;
}

/** A catalogue of policies that write down what becomes of them; those of `broken` throw when bound. */
function recorder(names: Readonly<Record<string, Phase>>, broken: readonly string[] = []) {
  const events: string[] = [];
  const specs = Object.entries(names).map(([name, phase]): [string, PolicySpec] => [
    name,
    definePolicy({
      name,
      phase,
      summary: '',
      schema: Type.Object({}),
      bind(config): BoundPolicy {
        if (broken.includes(name)) throw new Error('no such key');
        events.push(`bind ${name} ${JSON.stringify(config)}`);
        return { onRequest() {}, onDone() {}, close: () => events.push(`close ${name}`) };
      },
    }),
  ]);
  return { events, env: testEnv(new Map(specs)) };
}

const ref = (name: string): PolicyRef => ({ name, config: { of: name }, origin });

test('policies are bound by phase, then as listed; answers pass them in reverse', () => {
  const { events, env } = recorder({ b1: 'limit', a: 'edge', b2: 'limit', c: 'rewrite' });
  const route = routeTo('r', forwardTo('up'), ['c', 'b1', 'a', 'b2'].map(ref));
  const { table, failures } = new TableBuilder(env).apply(delta({ upsertRoutes: [route] }), 1);
  const rule = table.match(inputOf({ path: '/r' }))?.rule;
  expect(failures).toEqual([]);
  expect(rule?.steps.map(({ name }) => name)).toEqual(['a', 'b1', 'b2', 'c']);
  expect(rule?.onRequest?.map(({ name }) => name)).toEqual(['a', 'b1', 'b2', 'c']);
  expect(rule?.onDone?.map(({ name }) => name)).toEqual(['c', 'b2', 'b1', 'a']);
  expect(rule?.onResponse).toBe(null);
  expect(events).toContain('bind b1 {"of":"b1"}');
});

test('a rule that can not be bound is closed with 500, closes what it bound, and leaves the others be', () => {
  const { events, env } = recorder({ good: 'edge', bad: 'authn' }, ['bad']);
  const builder = new TableBuilder(env);
  const bad = routeTo('bad', forwardTo('up'), [ref('good'), ref('bad')]);
  const unknown = routeTo('unknown', forwardTo('up'), [ref('nobody')]);
  const fine = routeTo('fine', forwardTo('up'), [ref('good')]);
  const { table, failures } = builder.apply(delta({ upsertRoutes: [bad, unknown, fine] }), 1);
  expect(table.match(inputOf({ path: '/bad' }))?.rule).toMatchObject({
    action: { kind: 'fail', reason: 'policy bad: no such key' },
    steps: [],
    onRequest: null,
  });
  expect(table.match(inputOf({ path: '/fine' }))?.rule.action.kind).toBe('forward');
  expect(failures).toEqual([
    { objectKey: bad.key, origin: bad.rules[0]?.origin, message: 'policy bad: no such key' },
    {
      objectKey: unknown.key,
      origin: unknown.rules[0]?.origin,
      message: 'policy nobody is not known; known are: good, bad',
    },
  ]);
  expect(events).toEqual(['bind good {"of":"good"}', 'close good', 'bind good {"of":"good"}']);
  // Told again until it is mended.
  expect(builder.apply(delta({}), 2).failures).toHaveLength(2);
  const mended = { ...bad, rules: fine.rules };
  expect(builder.apply(delta({ upsertRoutes: [mended], removeRoutes: [unknown.key] }), 3).failures).toEqual(
    [],
  );
});

test('a match that can not be tested is left out; the others of its rule stay', () => {
  const matches = [
    matchOf({ kind: 'regex', pattern: '[' }),
    matchOf(anyPath, { clientAddresses: ['10/8'] }),
    matchOf({ kind: 'exact', value: '/ok' }),
  ];
  const { table, failures } = new TableBuilder(testEnv()).apply(
    delta({ upsertRoutes: [routeOf('r', matches)] }),
    1,
  );
  expect(table.size).toBe(1);
  expect(table.match(inputOf({ path: '/ok' }))).not.toBe(null);
  expect(failures.map(({ message }) => message)).toMatchObject(
    [/RE2 syntax/, /"10\/8" is not a CIDR/].map((m) => expect.stringMatching(m)),
  );
});

test('an action that is a failure already is closed without a second report', () => {
  const { events, env } = recorder({ good: 'edge' });
  const route = routeTo('r', { kind: 'fail', status: 500, reason: 'no backend' }, [ref('good')]);
  const { table, failures } = new TableBuilder(env).apply(delta({ upsertRoutes: [route] }), 1);
  expect(table.match(inputOf({ path: '/r' }))?.rule.action).toEqual({ kind: 'fail', reason: 'no backend' });
  expect([failures, events]).toEqual([[], []]);
});

test('rules of changed and removed routes are retired, no others', () => {
  const builder = new TableBuilder(testEnv());
  const [a, b, c] = ['a', 'b', 'c'].map((name) => routeTo(name, forwardTo('up'))) as [
    RouteIr,
    RouteIr,
    RouteIr,
  ];
  const first = builder.apply(delta({ upsertRoutes: [a, b, c] }), 1);
  const kept = first.table.match(inputOf({ path: '/c' }));
  const second = builder.apply(
    delta({ upsertRoutes: [a], removeRoutes: [b.key, 'GatewayRoute/test/none'] }),
    2,
  );
  expect(second.retired.map(({ route, retired }) => [route.key, retired])).toEqual([
    [b.key, true],
    [a.key, true],
  ]);
  expect(second.table.match(inputOf({ path: '/c' }))).toBe(kept);
  expect(kept?.rule.retired).toBe(false);
  expect(second.table.size).toBe(2);
  expect([first.table.generation, second.table.generation]).toEqual([1, 2]);
});

test('a route is bound again when its cluster is another one, or is there at last', () => {
  const upstreams = new Map<string, { readonly id: number }>([['up', { id: 1 }]]);
  const bindUpstream = (key: string) => {
    const upstream = upstreams.get(key);
    if (upstream === undefined) throw new Error(`no cluster ${key}`);
    return upstream;
  };
  const builder = new TableBuilder({ ...testEnv(), bindUpstream });
  const routes = [routeTo('a', forwardTo('up')), routeTo('b', forwardTo('late'))];
  const first = builder.apply(delta({ upsertRoutes: routes }), 1);
  expect(first.failures.map(({ message }) => message)).toEqual(['no cluster late']);
  // The same upstream: nothing to do.
  expect(builder.apply(delta({ upsertClusters: [cluster('up')] }), 2).retired).toEqual([]);
  upstreams.set('late', { id: 2 });
  const third = builder.apply(delta({ upsertClusters: [cluster('late'), cluster('up')] }), 3);
  expect(third.failures).toEqual([]);
  expect(third.retired.map(({ route }) => route.key)).toEqual(['GatewayRoute/test/b']);
  upstreams.set('up', { id: 3 });
  const { table } = builder.apply(delta({ upsertClusters: [cluster('up')] }), 4);
  expect(table.match(inputOf({ path: '/a' }))?.rule.action).toMatchObject({
    backends: [{ upstream: { id: 3 } }],
  });
});

test('a forward is resolved: weights, mirrors, time-outs', () => {
  const action = forwardTo('up', {
    backends: [
      { cluster: 'a', weight: 90, origin },
      { cluster: 'unused', weight: 0, origin },
      { cluster: 'b', weight: 10, origin },
    ],
    mirrors: [{ cluster: 'm', percent: 5 }],
    requestTimeout: { kind: 'after', ms: 700 },
    backendTimeout: { kind: 'disabled' },
  });
  const { table } = new TableBuilder(testEnv()).apply(delta({ upsertRoutes: [routeTo('r', action)] }), 1);
  const forward = table.match(inputOf({ path: '/r' }))?.rule.action as CompiledForward<string>;
  expect(forward).toMatchObject({
    backends: [
      { upstream: 'a', weight: 90 },
      { upstream: 'b', weight: 10 },
    ],
    totalWeight: 100,
    mirrors: [{ upstream: 'm', percent: 5 }],
    requestTimeoutMs: 700,
    backendTimeoutMs: 0,
    idleTimeoutMs: 5,
    rewritePath: null,
  });
});

test('a route is bound again when a secret has another text, and no other route is', () => {
  const texts = new Map([
    ['s', 'one'],
    ['t', 'other'],
  ]);
  const bound: string[] = [];
  const reader = definePolicy({
    name: 'reader',
    phase: 'authn',
    summary: '',
    schema: Type.Object({}),
    bind(config: object, env) {
      bound.push(env.secret(config as SecretName));
      return {};
    },
  });
  const env = testEnv(new Map([[reader.name, reader as PolicySpec]]));
  const secret = ({ secret: key }: SecretName) => {
    env.askedSecrets.add(key);
    return texts.get(key)!;
  };
  const builder = new TableBuilder({ ...env, policyEnv: { ...env.policyEnv, secret } });
  const naming = (name: string, key: string) =>
    routeTo(name, RESPOND, [{ name: 'reader', config: { secret: key }, origin }]);
  const upsertRoutes = [naming('a', 's'), naming('b', 's'), naming('c', 't')];
  builder.apply(delta({ upsertRoutes }), 1);
  texts.set('s', 'two');
  const rotated = { upsertSecrets: [{ key: 's', text: 'two' }] };
  const { table, retired } = builder.apply(delta(rotated), 2);
  expect(bound).toEqual(['one', 'one', 'other', 'two', 'two']);
  expect([table.size, retired.length]).toEqual([3, 2]);
  builder.apply(
    delta({ ...rotated, removeRoutes: ['GatewayRoute/test/a'], upsertRoutes: [naming('b', 't')] }),
    3,
  );
  expect(bound.slice(5)).toEqual(['other']);
});

test('what is staged is in no table before the next one, which retires what it replaced', () => {
  const { env } = recorder({});
  const builder = new TableBuilder(env);
  const before = builder.apply(delta({ upsertRoutes: [routeTo('a', RESPOND)] }), 1).table;
  builder.stage(delta({ upsertRoutes: [routeTo('b', RESPOND)], removeRoutes: ['GatewayRoute/test/a'] }));
  const { table, retired } = builder.apply(delta({ upsertRoutes: [routeTo('c', RESPOND)] }), 2);
  const has = (one: typeof table) =>
    ['a', 'b', 'c'].filter((n) => one.match(inputOf({ path: `/${n}` })) !== null);
  expect([has(before), has(table)]).toEqual([['a'], ['b', 'c']]);
  expect(retired.map(({ route }) => route.key)).toEqual(['GatewayRoute/test/a']);
});
