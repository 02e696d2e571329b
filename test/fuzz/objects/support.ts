// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what an operator might write
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const docs = (name: string) => readFileSync(path.resolve(import.meta.dirname, '../../../docs', name), 'utf8');

export type Tree = { [name: string]: unknown } | unknown[];
export type Steps = readonly (string | number)[];

/** A route for each example list of policies, and every object that is written out. */
export const EXAMPLES: readonly Tree[] = ['policies.md', 'routing.md']
  .flatMap((page) =>
    [...docs(page).matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => parse(text!) as Tree),
  )
  .map((example) => {
    if ('kind' in example) return example;
    const policies = (example as { policies?: unknown }).policies;
    return policies === undefined ? example : routeOf('example', { respond: {}, policies });
  })
  .filter((example) => 'kind' in example);

export const HOSTILE: readonly unknown[] = [
  ...[
    '',
    ' ',
    '"',
    "'",
    '\n',
    'a\nb',
    'a\r\nX: y',
    ';',
    '}',
    '#',
    '$(id)',
    '`id`',
    '${x}',
    '${header.',
    '$${',
    '%00',
    '%',
    '\u0000',
  ],
  ...[
    '\u010a',
    '\u2028',
    'a\u009b31mb',
    'a\u001b[31mb',
    'a\u202eb',
    '\ud83d\ude00',
    '../../etc/passwd',
    '//evil.example',
    '__proto__',
    'constructor',
    'null',
    '*',
    '.',
    '(a+)+$',
    '[',
    '\\',
  ],
  ...[
    'a'.repeat(65_536),
    '-1',
    '999999999999999999Ei',
    '99999h',
    '1e400',
    '0x10',
    '99999999999999999999',
    'http://169.254.169.254/',
    'Content-Length',
  ],
  ...[
    -1,
    0,
    0.5,
    1e308,
    2 ** 53,
    true,
    null,
    [],
    {},
    [[]],
    ['a', 'a'],
    { __proto__: 1 },
    JSON.parse('{"__proto__":{"a":1},"constructor":1}'),
  ],
];

export function routeOf(name: string, rule: object): Tree {
  return {
    ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute', metadata: { name } },
    spec: { hosts: [`${name}.example`], rules: [rule] },
  };
}

export function leaves(tree: unknown, at: Steps = []): Steps[] {
  if (typeof tree !== 'object' || tree === null) return [at];
  const inner = Array.isArray(tree) ? [...tree.entries()] : Object.entries(tree);
  return [
    ...(at.length === 0 ? [] : [at]),
    ...inner.flatMap(([step, value]) => leaves(value, [...at, step])),
  ];
}

export function replaced(tree: Tree, steps: Steps, value: unknown): Tree {
  const copy = structuredClone(tree) as Record<string | number, unknown>;
  let part = copy;
  for (const step of steps.slice(0, -1)) part = part[step] as typeof part;
  part[steps.at(-1)!] = value;
  return copy as Tree;
}
