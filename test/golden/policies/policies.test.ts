import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bindRule } from '../../../src/compile/rule.ts';
import type { BoundStep, CompiledRule } from '../../../src/compile/table.ts';
import { testEnv } from '../../../src/compile/testing.ts';
import type { PolicyRef } from '../../../src/ir/route.ts';
import { policyCatalogue } from '../../../src/policies/index.ts';
import type { PolicyEntry } from '../../../src/resources/gateway-route/schema.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { readDocument } from '../../../src/sources/files/document.ts';
import { splitDocuments } from '../../../src/sources/files/split.ts';
import { parseYaml } from '../../../src/sources/files/yaml.ts';
import type { TranslateOptions } from '../../../src/translate/options.ts';
import { Translator } from '../../../src/translate/translator.ts';

/**
 * From the lists of the gateway, a route and a rule to the bound chain, with the real policies: what merges, and who
 * runs when. `UPDATE_GOLDEN=1` writes what is printed now.
 */
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const folder = import.meta.dirname;
const validators = createValidators(policyCatalogue);

function globalPolicies(text: string): readonly PolicyRef[] {
  const parsed = parseYaml(text);
  const config = validators.validateConfig(parsed.ok ? parsed.value : null);
  if (!config.ok) throw new Error(JSON.stringify(config.errors));
  const object = { kind: 'GatewayConfig', namespace: '', name: 'portreeve' };
  return config.value.policies.map((entry: PolicyEntry, index) => {
    const [name, value] = Object.entries(entry)[0]!;
    return { name, config: value, origin: { object, fieldPath: `policies[${index}]`, location: null } };
  });
}

function printRule(rule: CompiledRule<string>): string {
  const { ir, steps } = rule;
  const ordered = steps.map((step) => step.name);
  const names = (some: readonly BoundStep[] | null) => (some ?? []).map((step) => step.name).join(' → ') || '-';
  const places = ir.policies.map(({ name, origin }) => `    ${name} # ${origin.fieldPath}`);
  return [
    `rule ${rule.route.key} ${ir.name}`,
    '  merged',
    ...places,
    `  by phase   ${ordered.map((name) => `${policyCatalogue.get(name)!.phase}:${name}`).join(' ')}`,
    `  request    ${names(rule.onRequest)}`,
    `  answer     ${names(rule.onResponse)}`,
    '',
  ].join('\n');
}

test('policies merge by kind and run by phase, as docs/policies.md says', () => {
  const [config, ...documents] = splitDocuments(readFileSync(path.join(folder, 'input.yaml'), 'utf8'));
  const options: TranslateOptions = {
    listeners: ['http'],
    catalogue: policyCatalogue,
    globalPolicies: globalPolicies(config!.text),
    backends: {
      allowUrls: true,
      allowLoopback: true,
      allowLinkLocal: false,
      allowExternalNames: false,
      crossNamespace: { kind: 'any' },
    },
  };
  const read = documents.map((text) => readDocument('input.yaml', text, validators));
  expect(read.flatMap(({ findings }) => findings)).toEqual([]);
  const translator = new Translator(options);
  const upsert = read.flatMap(({ entries }) => entries.map(({ good }) => good)).filter((good) => good !== null);
  translator.update({ upsert, remove: [], findings: [] });
  const bound = translator.ir.routes.flatMap((route) => route.rules.map((rule) => bindRule(route, rule, testEnv(policyCatalogue))));
  expect(bound.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([]);
  const printed = bound.map(({ rule }) => printRule(rule)).join('\n');
  const file = path.join(folder, 'chain.txt');
  if (UPDATE) writeFileSync(file, printed);
  expect(printed).toBe(readFileSync(file, 'utf8'));
});
