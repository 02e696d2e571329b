import { expect, test } from 'vitest';
import type { ResourceKind } from '../../resources/kinds.ts';
import { createValidators } from '../../resources/validate/validators.ts';
import type { KubeObject } from './client/object.ts';
import { ObjectState } from './object-state.ts';

const validators = createValidators(new Map());
let version = 0;

function object(kind: ResourceKind, namespace: string, name: string, content: object = {}) {
  const metadata = { name, namespace, uid: name, resourceVersion: String(++version) };
  return { apiVersion: 'v1', kind, metadata, ...content } as KubeObject;
}

const secret = (namespace: string) => ({ upsert: [object('Secret', namespace, 'tls')], remove: [] });
const service = (namespace: string) => ({
  upsert: [object('Service', namespace, 'web', { spec: { ports: [{ port: 80 }] } })],
  remove: [],
});
const keys = (refs: Iterable<{ readonly ref: { kind: string; namespace: string } }> = []) =>
  [...refs].map(({ ref }) => `${ref.kind} ${ref.namespace}`);

test('what the gateway itself refers to is handed out wherever it is, and all else by its namespace', () => {
  const state = new ObjectState(
    validators,
    ({ kind, namespace }) => kind === 'Secret' && namespace === 'own',
  );
  const allowed = new Set<string>();
  const allow = () => {
    const now = new Set(allowed);
    return state.allow((namespace) => now.has(namespace));
  };
  allow();
  expect(keys(state.apply('Secret', secret('own'))?.upsert)).toEqual(['Secret own']);
  for (const namespace of ['own', 'shop']) expect(state.apply('Service', service(namespace))).toBeNull();
  expect(state.apply('Secret', secret('shop'))).toBeNull();
  expect(keys(state.all())).toEqual(['Secret own']);

  allowed.add('own').add('shop');
  expect(
    allow()
      .flatMap(({ upsert }) => keys(upsert))
      .sort(),
  ).toEqual([...['Secret shop', 'Service own', 'Service shop']]);
  allowed.delete('own');
  const [change, ...others] = allow();
  expect([change?.remove.map(({ kind }) => kind), others]).toEqual([['Service'], []]);
  expect(keys(state.all()).sort()).toEqual(['Secret own', 'Secret shop', 'Service shop']);
  expect(keys(state.apply('Secret', secret('own'))?.upsert)).toEqual(['Secret own']);
  const gone = { upsert: [], remove: [{ kind: 'Secret', namespace: 'own', name: 'tls' }] };
  expect(state.apply('Secret', gone)?.remove).toEqual(gone.remove);
});
