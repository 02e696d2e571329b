import { describe, expect, test } from 'vitest';
import { checkStructural } from '../resources/crd/check-structural.ts';
import { customResourceDefinitions } from '../resources/crd/definitions.ts';
import { type StructuralSchema, toStructural } from '../resources/crd/structural.ts';
import { policyCatalogue } from './index.ts';

const specs = [...policyCatalogue.values()].map((spec) => [spec.name, spec] as const);

/** Calls `see` for every node below `node`, itself first. */
function walk(
  node: StructuralSchema,
  path: string,
  see: (node: StructuralSchema, path: string) => void,
): void {
  see(node, path);
  for (const [name, property] of Object.entries(node.properties ?? {}))
    walk(property, `${path}.${name}`, see);
  if (node.items !== undefined) walk(node.items, `${path}[]`, see);
}

describe.each(specs)('%s', (name, spec) => {
  const schema = toStructural(spec.schema);

  test('has a schema that the API server takes', () => {
    expect(checkStructural(schema)).toEqual([]);
  });

  test('describes every field', () => {
    const silent: string[] = [];
    walk(schema, name, (node, path) => {
      if (typeof node.description !== 'string' || node.description === '') silent.push(path);
    });
    expect(silent).toEqual([]);
    expect(spec.summary).toMatch(/^[A-Z].*[.;…]/);
  });

  test('bounds every list and text', () => {
    const open: string[] = [];
    walk(schema, name, (node, path) => {
      const isOpen =
        node.type === 'array'
          ? node.maxItems === undefined
          : node.type === 'string' && node.enum === undefined && node.maxLength === undefined;
      if (isOpen) open.push(path);
    });
    expect(open).toEqual([]);
  });

  test('has no name or value that YAML 1.1 misreads', () => {
    const misread: string[] = [];
    walk(schema, name, (node, path) => {
      for (const word of [...Object.keys(node.properties ?? {}), ...((node.enum ?? []) as unknown[])]) {
        if (/^(y|n|yes|no|on|off|true|false|null)$/i.test(String(word))) misread.push(`${path}: ${word}`);
      }
    });
    expect(misread).toEqual([]);
  });
});

test('the resources over the whole catalogue are structural and cheap', () => {
  for (const crd of customResourceDefinitions(policyCatalogue).values()) {
    const [version] = crd.spec.versions;
    expect(checkStructural(version!.schema.openAPIV3Schema)).toEqual([]);
    // An object in etcd has at most 1.5 MiB.
    expect(JSON.stringify(crd).length).toBeLessThan(1_000_000);
  }
});
