import { Environment } from '@marcbachmann/cel-js';
import { loadAll } from 'js-yaml';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import type { ResourceKind } from '../kinds.ts';
import { EXAMPLE_YAML } from '../testing/example.ts';
import { examplePolicies } from '../testing/policies.ts';
import { createValidators } from '../validate/validators.ts';
import { checkStructural } from './check-structural.ts';
import { customResourceDefinitions } from './definitions.ts';
import { type StructuralSchema, toStructural } from './structural.ts';

type Crd = {
  spec: {
    names: { kind: ResourceKind };
    versions: [{ schema: { openAPIV3Schema: StructuralSchema } }];
  };
};

const crds = [...customResourceDefinitions(examplePolicies).values()] as unknown as Crd[];
const schemaOf = (kind: ResourceKind): StructuralSchema =>
  crds.find((crd) => crd.spec.names.kind === kind)!.spec.versions[0].schema.openAPIV3Schema;
const example = (kind: ResourceKind) =>
  structuredClone(
    loadAll(EXAMPLE_YAML).find((document) => (document as { kind: string }).kind === kind),
  ) as Json;

type Json = Record<string, unknown>;
const validators = createValidators(examplePolicies);
const cel = new Environment({ unlistedVariablesAreDyn: true });

/** Messages of every CEL rule that an object breaks, with the path, as the API server would evaluate them. */
function brokenRules(schema: StructuralSchema, value: unknown, path = ''): string[] {
  if (value === undefined || value === null) return [];
  const broken = (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => cel.evaluate(rule, { self: value }) !== true)
    .map(({ message }) => `${path}: ${message}`);
  if (Array.isArray(value)) {
    broken.push(...value.flatMap((item, index) => brokenRules(schema.items!, item, `${path}[${index}]`)));
  } else if (typeof value === 'object') {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      broken.push(...brokenRules(property, (value as Json)[name], `${path}.${name}`));
    }
  }
  return broken;
}

describe('every CRD', () => {
  test.each(crds.map((crd) => [crd.spec.names.kind]))('%s is structural and cheap', (kind) => {
    expect(checkStructural(schemaOf(kind))).toEqual([]);
  });

  test.each(crds.map((crd) => [crd.spec.names.kind]))('%s describes every field', (kind) => {
    const silent: string[] = [];
    const visit = (node: StructuralSchema, path: string): void => {
      if (typeof node.description !== 'string') silent.push(path);
      for (const [name, property] of Object.entries(node.properties ?? {}))
        visit(property, `${path}.${name}`);
    };
    visit(schemaOf(kind).properties!.spec!, 'spec');
    const ours = silent.filter((path) => !path.includes('policies'));
    expect(ours).toEqual([]);
  });

  test.each(crds.map((crd) => [crd.spec.names.kind]))('%s has no field that YAML 1.1 misreads', (kind) => {
    const misread: string[] = [];
    const visit = (node: StructuralSchema, path: string): void => {
      for (const [name, property] of Object.entries(node.properties ?? {})) {
        if (/^(y|n|yes|no|on|off|true|false|null)$/i.test(name)) misread.push(`${path}.${name}`);
        visit(property, `${path}.${name}`);
      }
      if (node.items !== undefined) visit(node.items, `${path}[]`);
    };
    visit(schemaOf(kind), '');
    expect(misread).toEqual([]);
  });

  test('defaults are in the schema and their fields are not required', () => {
    const rule = schemaOf('GatewayRoute').properties!.spec!.properties!.rules!.items!;
    expect(rule.properties!.balancing).toMatchObject({ default: 'roundRobin' });
    expect(rule.required ?? []).not.toContain('balancing');
    expect(rule.properties!.policies!.items!.properties!.sample).toMatchObject({
      properties: { share: { minimum: 0, exclusiveMinimum: true } },
    });
  });
});

describe('the checker of structural schemas', () => {
  test.each<[string, Parameters<typeof toStructural>[0], string]>([
    ['a union of objects', Type.Union([Type.Object({}), Type.String()]), 'anyOf is not structural'],
    ['an intersection', Type.Unsafe({ allOf: [Type.Object({})] }), 'allOf is not structural'],
    ['a list of anything', Type.Unsafe({ type: 'array' }), 'a list needs items'],
    [
      'a list-map with an optional key',
      Type.Unsafe({
        type: 'array',
        items: Type.Object({ name: Type.Optional(Type.String()) }),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
      'list-map key name must be required or have a default',
    ],
    [
      'a rule below lists without bound',
      Type.Array(Type.Array(Type.Object({ a: Type.Optional(Type.String()) }, { 'x-exactly-one-of': ['a'] }))),
      'bound the lists above it',
    ],
  ])('refuses %s', (_, schema, problem) => {
    expect(checkStructural(toStructural(schema)).join('\n')).toContain(problem);
  });

  test.each([
    [{ type: 'string', const: 'a' }, 'const'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'must be a flag'],
    [{ type: 'object', patternProperties: {} }, 'patternProperties'],
    [{ type: 'object', properties: {}, additionalProperties: { type: 'string' } }, 'exclude one another'],
  ])('refuses %j as it is', (schema, problem) => {
    expect(checkStructural(schema as StructuralSchema).join('\n')).toContain(problem);
  });
});

/** Ways to break, or not, an exactly-one-of or a unique name, as [kind, path of the place, value to put there]. */
const rule = 'spec.rules.0';
const SAMPLES: readonly [ResourceKind, string, unknown, boolean][] = [
  ['GatewayRoute', `${rule}.matches.0.path`, {}, false],
  ['GatewayRoute', `${rule}.matches.0.path`, { exact: '/a' }, true],
  ['GatewayRoute', `${rule}.matches.0.path`, { exact: '/a', regex: '/b' }, false],
  ['GatewayRoute', `${rule}.matches.1.headers.0`, { name: 'a' }, false],
  ['GatewayRoute', `${rule}.matches.1.headers.0`, { name: 'a', present: {} }, true],
  ['GatewayRoute', `${rule}.matches.1.headers.0`, { name: 'a', present: {}, absent: {} }, false],
  ['GatewayRoute', `${rule}.backends.0`, { weight: 1 }, false],
  ['GatewayRoute', `${rule}.backends.0`, { url: 'http://a' }, true],
  ['GatewayRoute', `${rule}.backends.0`, { url: 'http://a', addresses: ['10.0.0.1:80'] }, false],
  ['GatewayRoute', `${rule}.redirect`, { status: 301 }, false],
  ['GatewayRoute', `${rule}.backends`, undefined, false],
  ['GatewayRoute', `${rule}.retry.backoff`, { linear: {} }, true],
  ['GatewayRoute', `${rule}.retry.backoff`, {}, false],
  ['GatewayRoute', `${rule}.rewrite`, { path: { full: '/a', replacePrefix: '/b' } }, false],
  ['GatewayRoute', `${rule}.rewrite`, { path: { full: '/a' } }, true],
  ['GatewayRoute', `${rule}.policies.0`, {}, false],
  ['GatewayRoute', `${rule}.policies.0`, { rateLimit: { ref: 'a' }, cors: { origins: [] } }, false],
  ['GatewayRoute', `${rule}.name`, 'write', false],
  ['GatewayRoute', `${rule}.name`, undefined, true],
  ['RateLimitPolicy', 'spec.limits.0.windows', { minute: 1 }, false],
  ['RateLimitPolicy', 'spec.limits.0.tokenBucket', undefined, false],
  ['RateLimitPolicy', 'spec.limits.0.key.0', { user: {}, route: {} }, false],
  ['RateLimitPolicy', 'spec.limits.0.key.0', { user: {} }, true],
  ['Consumer', 'spec.credentials.0', {}, false],
  ['Consumer', 'spec.credentials.0', { jwt: { claim: 'a', equals: 'b' } }, true],
];

describe('CEL rules and the validator agree', () => {
  test.each(SAMPLES)('%s %s = %j: %s', (kind, path, value, good) => {
    const object = example(kind);
    const steps = path.split('.');
    const last = steps.pop()!;
    const parent = steps.reduce((at, step) => at[step] as Json, object);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
    expect(brokenRules(schemaOf(kind), object).length === 0).toBe(good);
    expect(validators.validate(kind, object).ok).toBe(good);
  });

  test.each(crds.map((crd) => [crd.spec.names.kind]))('on the example of %s', (kind) => {
    expect(brokenRules(schemaOf(kind), example(kind))).toEqual([]);
  });
});
