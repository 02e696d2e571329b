import { expect, test } from 'vitest';
import { policyCatalogue } from '../policies/index.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import { Translator } from './translator.ts';

const validators = createValidators(policyCatalogue);
const origin = {
  ...{ object: { kind: 'GatewayConfig', namespace: '', name: 'portreeve' }, fieldPath: 'policies[0]' },
  location: null,
};
const read = (kind: string, name: string, spec: object, namespace = 'shop') => {
  const document = { apiVersion: 'portreeve.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
  const { entries } = readDocument('t.yaml', splitDocuments(JSON.stringify(document))[0]!, validators);
  return entries[0]!.good!;
};
const change = (...upsert: ReturnType<typeof read>[]) => ({ upsert, remove: [], findings: [] });
const limits = [{ name: 'all', key: [{ constant: 'x' }], windows: { minute: 9 } }];

test('one that lacks something closes the rules that have it, and no others, until it comes', () => {
  const translator = new Translator({
    listeners: ['http'],
    catalogue: policyCatalogue,
    globalPolicies: [{ name: 'rateLimit', config: { ref: 'gold', scope: 'local', headers: 'none' }, origin }],
    policyNamespace: 'team',
    backends: {
      ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
      crossNamespace: { kind: 'any' },
    },
  });
  const own = [{ rateLimit: { limits } }];
  const rules = [
    { respond: {} },
    { respond: {}, policies: own },
    { respond: {}, policies: [{ ...own[0], shadow: true }] },
  ];
  const kinds = () =>
    translator.ir.routes.map((route) => route.rules.map(({ action }) => action.kind).join());
  translator.update(change(read('GatewayRoute', 'a', { rules }), read('GatewayRoute', 'b', { rules })));
  expect(kinds()).toEqual(['fail,respond,fail', 'fail,respond,fail']);
  const told = translator.findings.map(
    ({ code, origin }) => `${code} ${origin.object.kind} ${origin.fieldPath}`,
  );
  expect(told[0]).toBe('referenceNotFound GatewayConfig policies[0].rateLimit.ref');
  expect(told.filter((one) => one.startsWith('policyRefused GatewayRoute'))).toHaveLength(4);
  // Another namespace's is not meant.
  translator.update(change(read('RateLimitPolicy', 'gold', { limits })));
  expect(kinds()[0]).toBe('fail,respond,fail');
  const { delta } = translator.update(change(read('RateLimitPolicy', 'gold', { limits }, 'team')));
  expect([kinds(), translator.findings]).toEqual([
    ['respond,respond,respond', 'respond,respond,respond'],
    [],
  ]);
  expect(delta.upsertRoutes).toHaveLength(2);
  translator.update({ ...change(), remove: [{ kind: 'RateLimitPolicy', namespace: 'team', name: 'gold' }] });
  expect(kinds()[0]).toBe('fail,respond,fail');
});
