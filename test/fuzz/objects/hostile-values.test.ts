// biome-ignore-all lint/suspicious/noControlCharactersInRegex: what would make two lines of one
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what an operator might write
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { findingLine } from '../../../src/app/finding-line.ts';
import { TableBuilder } from '../../../src/compile/builder.ts';
import { testEnv } from '../../../src/compile/testing.ts';
import { severityOf } from '../../../src/ir/describe.ts';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { readDocument } from '../../../src/sources/files/document.ts';
import { splitDocuments } from '../../../src/sources/files/split.ts';
import { Translator } from '../../../src/translate/translator.ts';

/**
 * Every value of every example of the documentation, replaced by what nobody should write there. Whatever it is: nothing throws, what is
 * found has a place and takes one line, the rule answers or is closed, and a route beside it is served.
 */
const validators = createValidators(policyCatalogue);
const docs = (name: string) => readFileSync(path.resolve(import.meta.dirname, '../../../docs', name), 'utf8');

type Tree = { [name: string]: unknown } | unknown[];
type Steps = readonly (string | number)[];

/** A route for each example list of policies, and every object that is written out. */
const EXAMPLES: readonly Tree[] = ['policies.md', 'routing.md']
  .flatMap((page) =>
    [...docs(page).matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => parse(text!) as Tree),
  )
  .map((example) => {
    if ('kind' in example) return example;
    const policies = (example as { policies?: unknown }).policies;
    return policies === undefined ? example : routeOf('example', { respond: {}, policies });
  })
  .filter((example) => 'kind' in example);

const HOSTILE: readonly unknown[] = [
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

function routeOf(name: string, rule: object): Tree {
  return {
    ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute', metadata: { name } },
    spec: { hosts: [`${name}.example`], rules: [rule] },
  };
}

function leaves(tree: unknown, at: Steps = []): Steps[] {
  if (typeof tree !== 'object' || tree === null) return [at];
  const inner = Array.isArray(tree) ? [...tree.entries()] : Object.entries(tree);
  return [
    ...(at.length === 0 ? [] : [at]),
    ...inner.flatMap(([step, value]) => leaves(value, [...at, step])),
  ];
}

function replaced(tree: Tree, steps: Steps, value: unknown): Tree {
  const copy = structuredClone(tree) as Record<string | number, unknown>;
  let part = copy;
  for (const step of steps.slice(0, -1)) part = part[step] as typeof part;
  part[steps.at(-1)!] = value;
  return copy as Tree;
}

function serve(object: Tree) {
  const text = [object, routeOf('neighbour', { respond: {} })].map((one) => stringify(one)).join('---\n');
  const documents = splitDocuments(text).map((document) => readDocument('all.yaml', document, validators));
  const translator = new Translator({
    listeners: ['http'],
    catalogue: policyCatalogue,
    globalPolicies: [],
    backends: {
      ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
      crossNamespace: { kind: 'any' },
    },
  });
  const upsert = documents.flatMap(({ entries }) => entries.flatMap(({ good }) => good ?? []));
  const findings = documents.flatMap((document) => document.findings);
  const { delta } = translator.update({ upsert, remove: [], findings });
  const { table } = new TableBuilder<string>(testEnv(policyCatalogue)).apply(delta, 1);
  const neighbour = table.match({
    ...{ listener: 'http', host: 'neighbour.example', path: '/', method: 'GET', clientAddress: '192.0.2.1' },
    ...{ header: () => null, queryParam: () => null, cookie: () => null, claim: () => undefined },
  });
  return { findings: translator.findings, neighbour: neighbour?.rule.action.kind };
}

const CASES = EXAMPLES.flatMap((example) => leaves(example).map((steps) => [example, steps] as const));
const isRoot = (steps: Steps) => steps.length === 1;

describe('a hostile value', () => {
  it('costs its own object alone, and is told on one line with its place', () => {
    expect(EXAMPLES.length).toBeGreaterThan(30);
    fc.assert(
      fc.property(
        fc.constantFrom(...CASES.filter(([, steps]) => !isRoot(steps))),
        fc.constantFrom(...HOSTILE),
        ([example, steps], value) => {
          const { findings, neighbour } = serve(replaced(example, steps, value));
          expect(neighbour).toBe('respond');
          for (const finding of findings) {
            expect(finding.origin.location).toMatchObject({ file: 'all.yaml' });
            const line = findingLine(finding);
            expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
            expect(line.length).toBeLessThan(3_000);
            expect(['error', 'warning']).toContain(severityOf(finding));
          }
        },
      ),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 400) },
    );
  });
});
