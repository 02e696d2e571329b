import type { TSchema } from 'typebox';

/** A node of a CRD's schema (apiextensions.k8s.io/v1 JSONSchemaProps), as far as we write it. */
export interface StructuralSchema {
  [keyword: string]: unknown;
  type?: string;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-validations'?: CelRule[];
}

export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Keywords that mean the same in a CRD. */
const KEPT = [
  'type',
  'description',
  'default',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'nullable',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
] as const;

/** Characters of a description that is cut. */
const LONG = 80;

/** Keywords without a counterpart: left in place, so that the checker refuses them. */
const LEFT = ['allOf', 'oneOf', 'not', '$ref'] as const;

/**
 * Our schema in the dialect of a CRD: structural, unions as CEL rules, what the API server fills in not required.
 * What has no counterpart is left for {@link checkStructural} to find.
 */
export function toStructural(schema: TSchema): StructuralSchema {
  return convert(schema as unknown as Json);
}

function convert(schema: Json): StructuralSchema {
  const node: StructuralSchema = {};
  const kept = [...KEPT, ...LEFT].filter((keyword) => schema[keyword] !== undefined);
  Object.assign(node, Object.fromEntries(kept.map((keyword) => [keyword, schema[keyword]])));
  describe(schema, node);
  convertType(schema, node);
  convertBounds(schema, node);
  convertUnion(schema, node);
  convertMembers(schema, node);
  const rules = celRules(schema);
  if (rules.length > 0) node['x-kubernetes-validations'] = rules;
  return node;
}

/** `kubectl explain` shows descriptions, not defaults. Of long ones the first sentence; docs/reference has all of it. */
function describe(schema: Json, node: StructuralSchema): void {
  if (typeof schema.description === 'string') node.description = firstSentence(schema.description);
  const fallback = schema.default;
  if (fallback === undefined || fallback === '') return;
  const text = typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
  node.description = `${node.description ?? ''} Default: ${text}.`.trim();
}

function firstSentence(text: string): string {
  return text.length <= LONG ? text : (/^.*?\.(?= )/.exec(text)?.[0] ?? text);
}

function convertType(schema: Json, node: StructuralSchema): void {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== 'null');
    if (types.length === 1) node.type = types[0];
    if (types.length < schema.type.length) node.nullable = true;
  }
  if ('const' in schema) node.enum = [schema.const];
  const free = ['type', 'anyOf', 'enum', 'const', ...LEFT].every((keyword) => schema[keyword] === undefined);
  // Without a type anything is allowed; an object without properties is any object, unless it is closed.
  const open =
    schema.type === 'object' && schema.properties === undefined && schema.additionalProperties === undefined;
  if (free || (open && schema.patternProperties === undefined))
    node['x-kubernetes-preserve-unknown-fields'] = true;
}

/** JSON Schema's exclusive bounds are numbers, Kubernetes' are flags beside the bound. */
function convertBounds(schema: Json, node: StructuralSchema): void {
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'number') continue;
    node[bound] = schema[exclusive];
    node[exclusive] = true;
  }
}

/** A union of literals is an enumeration; `integer | string` is Kubernetes' own. Any other union stays visible. */
function convertUnion(schema: Json, node: StructuralSchema): void {
  const branches = schema.anyOf as readonly Json[] | undefined;
  if (branches === undefined) return;
  if (schema['x-kubernetes-int-or-string'] !== true && branches.every((branch) => 'const' in branch)) {
    const type = typeof branches[0]?.const;
    node.type = type === 'number' ? 'integer' : type;
    node.enum = branches.map((branch) => branch.const);
  } else {
    node.anyOf = branches;
  }
}

function convertMembers(schema: Json, node: StructuralSchema): void {
  if (schema.items !== undefined) node.items = convert(schema.items as Json);
  const properties = schema.properties as Readonly<Record<string, Json>> | undefined;
  if (properties !== undefined) {
    node.properties = {};
    for (const [name, property] of Object.entries(properties)) node.properties[name] = convert(property);
  }
  const required = ((schema.required ?? []) as string[]).filter(
    (name) => properties?.[name]?.default === undefined,
  );
  if (required.length > 0) node.required = required;
  const additional = schema.additionalProperties;
  if (typeof additional === 'object' && additional !== null)
    node.additionalProperties = convert(additional as Json);
  const patterns = Object.values((schema.patternProperties ?? {}) as Record<string, Json>);
  if (patterns.length === 1) node.additionalProperties = convert(patterns[0]!);
}

/** The CEL of our own keywords; `validate/keywords.ts` checks the same. */
function celRules(schema: Json): CelRule[] {
  const rules = [...((schema['x-kubernetes-validations'] ?? []) as CelRule[])];
  const names = schema['x-exactly-one-of'] as readonly string[] | undefined;
  if (names !== undefined && names.length > 0) {
    const count = names.map((name) => `(has(self.${celName(name)}) ? 1 : 0)`).join(' + ');
    rules.push({ rule: `${count} == 1`, message: `exactly one of ${names.join(', ')} is needed` });
  }
  const key = schema['x-unique-by'] as string | undefined;
  if (key !== undefined) {
    const field = celName(key);
    rules.push({
      rule: `self.all(a, !has(a.${field}) || self.filter(b, has(b.${field}) && b.${field} == a.${field}).size() == 1)`,
      message: `two entries have the same ${key}`,
    });
  }
  return rules;
}

/** Reserved words of CEL; Kubernetes' escape for them. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function celName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
