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
  expect(references.put(owner('a', 'x', 'x', 'y'))).toBe(true);
  expect(references.put(owner('b', 'x'))).toBe(true);
  expect([...references.keys].sort()).toEqual(['shop/x', 'shop/y']);
  expect(references.put(owner('a', 'x', 'y'))).toBe(false);
  references.put(owner('a'));
  expect([...references.keys]).toEqual(['shop/x']);
  expect(references.remove({ kind: 'Consumer', namespace: 'shop', name: 'b' })).toBe(true);
  expect([...references.keys]).toEqual([]);
});
