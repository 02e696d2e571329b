import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { printFindings, printIr } from '../../../src/ir/print.ts';
import { definePolicy, type PolicyCatalogue } from '../../../src/pipeline/policy.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { readDocument } from '../../../src/sources/files/document.ts';
import { splitDocuments } from '../../../src/sources/files/split.ts';
import { parseYaml } from '../../../src/sources/files/yaml.ts';
import type { TranslateOptions } from '../../../src/translate/options.ts';
import { Translator } from '../../../src/translate/translator.ts';

/** `UPDATE_GOLDEN=1` writes what is printed now; the difference is then read in review. */
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

const stamp = definePolicy({
  name: 'stamp',
  phase: 'rewrite',
  summary: 'For tests.',
  schema: Type.Object({ value: Type.String() }),
  bind: () => ({}),
});
const guard = definePolicy({
  name: 'guard',
  phase: 'authz',
  summary: 'For tests.',
  schema: Type.Object({ realm: Type.String() }),
  bind: () => ({}),
});
const catalogue: PolicyCatalogue = new Map([stamp, guard].map((spec) => [spec.name, spec]));
const validators = createValidators(catalogue);
const config = { kind: 'GatewayConfig', namespace: '', name: 'portreeve' };
const options: TranslateOptions = {
  listeners: ['http', 'https'],
  catalogue,
  globalPolicies: [
    { name: 'stamp', config: { value: 'global' }, origin: { object: config, fieldPath: 'policies[0]', location: null } },
  ],
  backends: {
    allowUrls: true,
    allowLoopback: true,
    allowLinkLocal: false,
    allowExternalNames: false,
    crossNamespace: { kind: 'any' },
  },
};

const folder = import.meta.dirname;
const cases = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'input.yaml')));

test.each(cases)('translates %s', (name) => {
  const input = readFileSync(path.join(folder, name, 'input.yaml'), 'utf8');
  const documents = splitDocuments(input).map((text) => readDocument('input.yaml', text, validators));
  const upsert = documents.flatMap(({ entries }) => entries.map(({ good }) => good)).filter((good) => good !== null);
  const findings = documents.flatMap((document) => document.findings);
  const translator = new Translator({ ...options, backends: { ...options.backends, ...backendRules(name) } });
  translator.update({ upsert, remove: [], findings });
  check(path.join(folder, name, 'ir.txt'), printIr(translator.ir, translator.endpoints));
  check(path.join(folder, name, 'findings.txt'), printFindings(translator.findings));
});

/** A case may have a configuration beside its input; what it allows is all that is allowed. */
function backendRules(name: string): Partial<TranslateOptions['backends']> {
  const file = path.join(folder, name, 'portreeve.yaml');
  if (!existsSync(file)) return {};
  const parsed = parseYaml(readFileSync(file, 'utf8'));
  const config = validators.validateConfig(parsed.ok ? parsed.value : null);
  if (!config.ok) throw new Error(`${file}: ${JSON.stringify(config.errors)}`);
  const { allowCrossNamespace, allowExternalNames, services } = config.value;
  return { crossNamespace: { kind: 'pairs', pairs: allowCrossNamespace }, allowExternalNames, services };
}

function check(file: string, printed: string): void {
  if (UPDATE) writeFileSync(file, printed);
  expect(printed).toBe(readFileSync(file, 'utf8'));
}
