import type { TSchema } from 'typebox';
import type { PolicyDescriptions } from '../gateway-route/schema.ts';

type Json = Readonly<Record<string, unknown>>;

interface Row {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

const GENERATED = '<!-- Generated from the schemas by `node scripts/generate.ts`; do not edit. -->';

/** The reference page of one kind: a table of every field below the given roots. */
export function kindPage(kind: string, schema: TSchema, roots: readonly string[] | null): string {
  const json = schema as unknown as Json;
  const properties = json.properties as Readonly<Record<string, Json>>;
  const names = roots ?? Object.keys(properties).filter((name) => name !== 'apiVersion' && name !== 'kind');
  const rows: Row[] = [];
  for (const name of names) collect(properties[name]!, name, isRequired(json, name), rows);
  return page(kind, String(json.description), [table(rows)]);
}

/** One page for all kinds of policy. */
export function policiesPage(policies: PolicyDescriptions): string {
  const sections = [...policies.values()].map(({ name, summary, schema }) => {
    const rows: Row[] = [];
    collect(schema as unknown as Json, name, false, rows);
    return `## ${name}\n\n${summary}\n\n${table(rows)}`;
  });
  const about =
    'What a route or rule does to its requests beside forwarding them: one key for each entry of a `policies` list.';
  return page('Policies', about, sections.length > 0 ? sections : ['None yet.']);
}

function page(title: string, about: string, sections: readonly string[]): string {
  return `${GENERATED}\n\n# ${title}\n\n${about}\n\n${sections.join('\n\n')}\n`;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, type, fallback, description }) => {
    return `| \`${path}\` | ${type} | ${fallback} | ${cell(description)} |`;
  });
  return ['| field | type | default | |', '|---|---|---|---|', ...lines].join('\n');
}

function collect(schema: Json, path: string, required: boolean, rows: Row[]): void {
  rows.push({
    path,
    type: typeInWords(schema),
    fallback: required && schema.default === undefined ? '*required*' : fallbackOf(schema),
    description: String(schema.description ?? ''),
  });
  // The entries of every such list are on one page of their own.
  if (path.split('.').at(-1) === 'policies') return;
  let node = schema;
  let below = path;
  while (node.items !== undefined) {
    node = node.items as Json;
    below += '[]';
  }
  for (const [name, property] of Object.entries((node.properties ?? {}) as Record<string, Json>)) {
    collect(property, `${below}.${name}`, isRequired(node, name), rows);
  }
}

function isRequired(schema: Json, name: string): boolean {
  return ((schema.required ?? []) as readonly string[]).includes(name);
}

function typeInWords(schema: Json): string {
  const values = (schema.enum ?? unionValues(schema)) as readonly unknown[] | undefined;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  const items = schema.items as Json | undefined;
  if (items !== undefined) return `list of ${typeInWords(items)}`;
  const entries = schema.additionalProperties;
  if (typeof entries === 'object') return `map of ${typeInWords(entries as Json)}`;
  return [schema.type ?? 'any'].flat().join(' or ');
}

function unionValues(schema: Json): readonly unknown[] | undefined {
  const branches = schema.anyOf as readonly Json[] | undefined;
  return branches?.every((branch) => 'const' in branch) ? branches.map((branch) => branch.const) : undefined;
}

function fallbackOf(schema: Json): string {
  return schema.default === undefined ? '' : `\`${cell(JSON.stringify(schema.default))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
