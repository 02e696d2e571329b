// biome-ignore-all lint/suspicious/noControlCharactersInRegex: what would make two lines of one
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { findingLine } from '../../../src/app/finding-line.ts';
import { TableBuilder } from '../../../src/compile/builder.ts';
import { testEnv } from '../../../src/compile/testing.ts';
import { severityOf } from '../../../src/ir/describe.ts';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { readDocument } from '../../../src/sources/files/document.ts';
import { splitDocuments } from '../../../src/sources/files/split.ts';
import { Translator } from '../../../src/translate/translator.ts';
import { EXAMPLES, HOSTILE, leaves, replaced, routeOf, type Steps, type Tree } from './support.ts';

/**
 * Every value of every example of the documentation, replaced by what nobody should write there. Whatever it is: nothing throws, what is
 * found has a place and takes one line, the rule answers or is closed, and a route beside it is served.
 */
const validators = createValidators(policyCatalogue);

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
