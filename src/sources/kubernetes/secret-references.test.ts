import { expect, test } from 'vitest';
import type { SourcedObject } from '../source.ts';
import { SecretReferences } from './secret-references.ts';

function owner(name: string, ...secrets: string[]): SourcedObject {
  const ref = { kind: 'Consumer', namespace: 'shop', name };
  const spec = {
    credentials: secrets.map((secret) => ({ apiKey: { secretRef: { name: secret, key: 'k' } } })),
  };
  return { kind: 'Consumer', ref, object: { spec } } as unknown as SourcedObject;
}

test('counts references: a Secret is wanted until the last one goes', () => {
  const references = new SecretReferences();
  const changes = () =>
    [...references.takeChanges()].map(([namespace, { added, removed }]) => [
      namespace,
      [...added],
      [...removed],
    ]);
  references.put(owner('a', 'x', 'x', 'y'));
  references.put(owner('b', 'x'));
  expect(changes()).toEqual([['shop', ['x', 'y'], []]]);
  references.put(owner('a', 'x', 'y'));
  expect(changes()).toEqual([]);
  references.put(owner('a'));
  expect(changes()).toEqual([['shop', [], ['y']]]);
  references.remove({ kind: 'Consumer', namespace: 'shop', name: 'b' });
  expect(changes()).toEqual([['shop', [], ['x']]]);
});

test('what comes and goes before anybody asks is no change', () => {
  const references = new SecretReferences();
  references.put(owner('a', 'x'));
  references.put(owner('a'));
  references.put(owner('b', 'z'));
  references.takeChanges();
  references.put(owner('b'));
  references.put(owner('c', 'z'));
  const [change] = references.takeChanges().values();
  expect([change!.added.size, change!.removed.size]).toEqual([0, 0]);
});

test("what the gateway's own configuration refers to is wanted whatever comes and goes", () => {
  const references = new SecretReferences();
  references.hold('shop', [{ jwt: { keys: [{ secretRef: { name: 'x' } }] } }]);
  references.put(owner('a', 'x', 'y'));
  references.remove({ kind: 'Consumer', namespace: 'shop', name: 'a' });
  const [change] = references.takeChanges().values();
  expect([[...change!.added], [...change!.removed]]).toEqual([['x'], []]);
});
