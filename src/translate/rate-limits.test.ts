import { expect, test } from 'vitest';
import { printFindings } from '../ir/print.ts';
import type { RouteIr } from '../ir/route.ts';
import { policyCatalogue } from '../policies/index.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import { Translator } from './translator.ts';

const validators = createValidators(policyCatalogue);
const backends = {
  allowUrls: true,
  allowLoopback: true,
  allowLinkLocal: false,
  allowExternalNames: false,
  crossNamespace: { kind: 'any' as const },
};
const make = () =>
  new Translator({ listeners: ['http'], catalogue: policyCatalogue, globalPolicies: [], backends });

function read(kind: string, name: string, spec: object) {
  const document = {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind,
    metadata: { name, namespace: 'shop' },
    spec,
  };
  const { entries, findings } = readDocument(
    'test.yaml',
    splitDocuments(JSON.stringify(document))[0]!,
    validators,
  );
  expect(findings).toEqual([]);
  return entries[0]!.good!;
}
const limits = (capacity: number) => [
  { name: 'one', key: [{ constant: 'all' }], tokenBucket: { capacity, rate: '1/s' } },
];
const policy = (name: string, capacity: number) =>
  read('RateLimitPolicy', name, { limits: limits(capacity) });
const rateLimit = (ref: string) => [{ rateLimit: { ref } }];
const change = (...upsert: ReturnType<typeof read>[]) => ({ upsert, remove: [], findings: [] });
const keys = (routes: readonly RouteIr[]) => routes.map(({ key }) => key.split('/').at(-1));

test('what a policy refers to stands in the IR, and a change of it goes to the routes that use it', () => {
  const translator = make();
  translator.update(
    change(
      policy('a', 1),
      policy('b', 2),
      read('GatewayRoute', 'uses-a', { policies: rateLimit('a'), rules: [{ respond: {} }] }),
      read('GatewayRoute', 'uses-b', { rules: [{ respond: {}, policies: rateLimit('b') }] }),
      read('GatewayRoute', 'none', { rules: [{ respond: {} }] }),
    ),
  );
  expect(translator.findings).toEqual([]);
  const { delta } = translator.update(change(policy('a', 7)));
  expect(keys(delta.upsertRoutes)).toEqual(['uses-a']);
  expect(delta.upsertRoutes[0]!.rules[0]!.policies[0]!.config).toMatchObject({
    id: 'shop/a',
    limits: [{ name: 'one', tokenBucket: { capacity: 7 } }],
  });
  expect(translator.update(change(policy('b', 2))).delta.upsertRoutes).toEqual([]);
});

test('what refers to nothing is closed, with a finding, until it comes and when it goes', () => {
  const translator = make();
  const rules = [
    { name: 'shut', respond: {}, policies: rateLimit('a') },
    { name: 'open', matches: [{ path: { exact: '/open' } }], respond: {} },
  ];
  const actions = () => translator.ir.routes.flatMap((route) => route.rules.map(({ action }) => action.kind));
  translator.update(change(read('GatewayRoute', 'r', { rules })));
  expect(actions()).toEqual(['fail', 'respond']);
  expect(printFindings(translator.findings)).toContain(
    'referenceNotFound on GatewayRoute/shop/r spec.rules[0].policies[0].rateLimit.ref',
  );
  const there = policy('a', 1);
  translator.update(change(there));
  expect([actions(), translator.findings]).toEqual([['respond', 'respond'], []]);
  translator.update({ upsert: [], remove: [there.ref], findings: [] });
  expect(actions()).toEqual(['fail', 'respond']);
});

test('a policy of the whole route that refers to nothing closes all of it', () => {
  const translator = make();
  const rules = [{ respond: {} }, { matches: [{ path: { exact: '/b' } }], respond: {} }];
  translator.update(change(read('GatewayRoute', 'r', { policies: rateLimit('gone'), rules })));
  expect(translator.ir.routes[0]!.rules.map(({ action }) => action.kind)).toEqual(['fail', 'fail']);
});

test('limits of a route are shared by its rules, those of a rule are its own', () => {
  const translator = make();
  const own = [{ rateLimit: { limits: limits(1) } }];
  const rules = [{ respond: {} }, { respond: {} }, { respond: {}, policies: own }];
  translator.update(change(read('GatewayRoute', 'r', { policies: own, rules })));
  const ids = translator.ir.routes[0]!.rules.map(
    ({ policies }) => (policies[0]!.config as { id: string }).id,
  );
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(ids[2]);
});
