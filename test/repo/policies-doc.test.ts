import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PHASES } from '../../src/pipeline/policy.ts';
import { policyCatalogue } from '../../src/policies/index.ts';
import { createValidators } from '../../src/resources/validate/validators.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/policies.md'), 'utf8');
/** Text below each `## heading`. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
);
const examplesOf = (section: string) =>
  [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => parse(text!) as Record<string, unknown>);
const validators = createValidators(policyCatalogue);

function errorsOf(document: unknown): unknown {
  const result = validators.validate('GatewayRoute', document);
  return result.ok ? [] : result.errors;
}

describe.each([...policyCatalogue.values()].map((spec) => [spec.name, spec] as const))('%s', (name, spec) => {
  const section = sections.get(name) ?? '';

  test('has a section with an example that is valid', () => {
    const examples = examplesOf(section);
    expect(examples.map((example) => Object.keys((example.policies as object[])[0]!)[0])).toContain(name);
    for (const { policies } of examples) {
      const spec = { rules: [{ respond: {}, policies }] };
      const route = {
        apiVersion: 'portreeve.dev/v1alpha1',
        kind: 'GatewayRoute',
        metadata: { name: 'r' },
        spec,
      };
      expect(errorsOf(route)).toEqual([]);
    }
  });

  test('stands in the row of its phase', () => {
    const row = new RegExp(`^\\| ${spec.phase} \\|.*$`, 'm').exec(page)?.[0];
    expect(row).toContain(`[${name}](#${name.toLowerCase()})`);
  });
});

test('the phases stand in their order', () => {
  const rows = [...page.matchAll(/^\| (\w+) \|/gm)].map(([, phase]) => phase!);
  expect(rows.filter((row) => (PHASES as readonly string[]).includes(row))).toEqual([...PHASES]);
});

test('the example of a whole route is valid', () => {
  const [route] = examplesOf(sections.get('Where they are written')!);
  expect(errorsOf(route)).toEqual([]);
});

test('every section about a policy is about one that there is', () => {
  const others = ['Where they are written', 'Shadow mode', 'Order', 'Who sent it', 'Bodies'];
  expect([...sections.keys()].filter((name) => !others.includes(name)).toSorted()).toEqual(
    [...policyCatalogue.keys()].toSorted(),
  );
});
