import { describe, expect, test } from 'vitest';
import { checkStructural } from '../resources/crd/check-structural.ts';
import { customResourceDefinitions } from '../resources/crd/definitions.ts';
import { type StructuralSchema, toStructural } from '../resources/crd/structural.ts';
import { gatewayRouteSchema } from '../resources/gateway-route/schema.ts';
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
    // A `kubectl apply` that is not server-side repeats it in an annotation, and annotations end at 262,144 bytes.
    expect(JSON.stringify(crd).length).toBeLessThan(200_000);
  }
});

test('a definition takes what the schema takes: it only describes each part once', () => {
  const undescribed = (node: StructuralSchema): StructuralSchema => {
    const bare = structuredClone(node);
    walk(bare, '', (each) => {
      delete each.description;
    });
    return bare;
  };
  const route = customResourceDefinitions(policyCatalogue).get('gatewayroutes.portreeve.dev.yaml')!;
  const { spec, status } = route.spec.versions[0]!.schema.openAPIV3Schema.properties!;
  const whole = toStructural(gatewayRouteSchema(policyCatalogue)).properties!;
  expect(undescribed(spec!)).toEqual(undescribed(whole.spec!));
  expect(undescribed(status!)).toEqual(undescribed(whole.status!));
});

test('who is sent elsewhere by a description finds the fields there', () => {
  for (const crd of customResourceDefinitions(policyCatalogue).values()) {
    const root = crd.spec.versions[0]!.schema.openAPIV3Schema;
    const places = new Map<string, StructuralSchema>();
    walk(root, crd.spec.names.singular, (node, path) => {
      const explained = path.replaceAll('[]', '');
      // A list comes before its element.
      if (!places.has(explained) || node.properties !== undefined) places.set(explained, node);
    });
    walk(root, '', ({ description, ...node }) => {
      const place = /Its fields: kubectl explain (\S+)$/.exec(String(description))?.[1];
      if (place === undefined) return;
      const there = places.get(place)?.properties ?? {};
      const fields = node.properties ?? node.items?.properties ?? {};
      for (const [name, field] of Object.entries(fields)) {
        if (field.description === undefined)
          expect(there[name]?.description, `${place}.${name}`).toBeTypeOf('string');
      }
    });
  }
});
