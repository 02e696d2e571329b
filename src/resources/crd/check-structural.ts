import type { CelRule, StructuralSchema } from './structural.ts';

/** The API server's limits, in units of CEL cost (apiextensions: StaticEstimatedCostLimit and …CRDLimit). */
const RULE_COST_LIMIT = 10_000_000;
const TOTAL_COST_LIMIT = 100_000_000;
/** What a list or map without bound counts as: a request of 3 MiB full of the smallest entries. */
const UNBOUNDED = 3 * 1024 * 1024;

const FORBIDDEN = [
  'const',
  'oneOf',
  'allOf',
  'not',
  '$ref',
  'patternProperties',
  'dependencies',
  'definitions',
  'if',
];

/**
 * What the API server would refuse in a schema, as `path: reason`; empty when it is structural and cheap.
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function checkStructural(root: StructuralSchema): readonly string[] {
  const problems: string[] = [];
  let total = 0;
  const visit = (node: StructuralSchema, path: string, times: number): void => {
    for (const problem of nodeProblems(node)) problems.push(`${path}: ${problem}`);
    for (const rule of node['x-kubernetes-validations'] ?? []) {
      const cost = ruleCost(rule, node) * times;
      total += cost;
      if (cost > RULE_COST_LIMIT)
        problems.push(`${path}: CEL rule may cost ${cost}: bound the lists above it`);
    }
    for (const [name, property] of Object.entries(node.properties ?? {}))
      visit(property, `${path}.${name}`, times);
    if (node.items !== undefined) visit(node.items, `${path}[]`, times * bound(node.maxItems));
    if (node.additionalProperties !== undefined) {
      visit(node.additionalProperties, `${path}.*`, times * bound(node.maxProperties));
    }
  };
  visit(root, '', 1);
  if (total > TOTAL_COST_LIMIT) problems.push(`the CEL rules together may cost ${total}`);
  return problems;
}

function* nodeProblems(node: StructuralSchema): Iterable<string> {
  for (const keyword of FORBIDDEN) if (keyword in node) yield `${keyword} is not structural`;
  const intOrString = node['x-kubernetes-int-or-string'] === true;
  if ('anyOf' in node && !intOrString) yield 'anyOf is not structural';
  if (intOrString && node.type !== undefined) yield 'int-or-string has no type';
  if (
    !intOrString &&
    node['x-kubernetes-preserve-unknown-fields'] !== true &&
    typeof node.type !== 'string'
  ) {
    yield 'has no type';
  }
  for (const flag of ['exclusiveMinimum', 'exclusiveMaximum']) {
    if (typeof node[flag] === 'number') yield `${flag} must be a flag`;
  }
  if (node.type === 'array' && node.items === undefined) yield 'a list needs items';
  if (node.properties !== undefined && node.additionalProperties !== undefined) {
    yield 'properties and additionalProperties exclude one another';
  }
  yield* listMapProblems(node);
  for (const name of node.required ?? []) {
    if (node.properties?.[name] === undefined) yield `requires ${name}, which it does not have`;
  }
}

function* listMapProblems(node: StructuralSchema): Iterable<string> {
  if (node['x-kubernetes-list-type'] !== 'map') return;
  for (const key of (node['x-kubernetes-list-map-keys'] as string[] | undefined) ?? []) {
    const isThere =
      node.items?.required?.includes(key) || node.items?.properties?.[key]?.default !== undefined;
    if (!isThere) yield `list-map key ${key} must be required or have a default`;
  }
}

/** An upper estimate: every operator once, and over a list once an entry (nested: its square). */
function ruleCost({ rule }: CelRule, node: StructuralSchema): number {
  const operations = rule.split(/[^A-Za-z_]+/).length * 2;
  const loops = rule.match(/\.(all|filter|exists|exists_one|map)\(/g)?.length ?? 0;
  return operations * bound(node.maxItems ?? 1) ** loops;
}

function bound(maximum: unknown): number {
  return typeof maximum === 'number' ? maximum : UNBOUNDED;
}
