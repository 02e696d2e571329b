import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { TableBuilder } from '../../src/compile/builder.ts';
import { testEnv } from '../../src/compile/testing.ts';
import type { PolicyCatalogue } from '../../src/pipeline/policy.ts';
import { policyCatalogue } from '../../src/policies/index.ts';
import { createValidators } from '../../src/resources/validate/validators.ts';
import { readDocument } from '../../src/sources/files/document.ts';
import { splitDocuments } from '../../src/sources/files/split.ts';
import { Translator } from '../../src/translate/translator.ts';

/**
 * A policy that can't be built closes its own rule, whichever policy of the catalogue it is and wherever it stands. Its
 * configuration is the example of docs/policies.md; nothing that it refers to is there.
 */
const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/policies.md'), 'utf8');
const validators = createValidators(policyCatalogue);

function exampleOf(name: string): Record<string, unknown> {
  const section = new RegExp(`^## ${name}\\n(.*?)(?=^## |(?![^]))`, 'ms').exec(page)?.[1] ?? '';
  for (const [, text] of section.matchAll(/^```yaml\n(.*?)^```$/gms)) {
    const { policies } = parse(text!) as { policies?: Record<string, unknown>[] };
    const found = policies?.find((entry) => name in entry);
    if (found !== undefined) return { [name]: found[name] };
  }
  throw new Error(`docs/policies.md has no example of ${name}`);
}

/** As the real one, but every policy fails when it is bound. */
const failing: PolicyCatalogue = new Map(
  [...policyCatalogue].map(([name, spec]) => [
    name,
    {
      ...spec,
      bind: () => {
        throw new Error('the sky is falling');
      },
    },
  ]),
);

/** Translates and binds a route with the entry in its first rule, or in all of them, and one rule without. */
function serve(catalogue: PolicyCatalogue, entry: object, level: 'rule' | 'route') {
  const policies = [entry];
  const rules = [
    { name: 'with', respond: {}, ...(level === 'rule' && { policies }) },
    { name: 'other', respond: {}, matches: [{ path: { prefix: '/other' } }] },
  ];
  const object = (name: string, spec: object) => ({
    ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute', metadata: { name, namespace: 'shop' } },
    spec,
  });
  const neighbour = object('neighbour', { hosts: ['b.example'], rules: [{ respond: {} }] });
  const text = [object('broken', { ...(level === 'route' && { policies }), rules }), neighbour]
    .map((document) => stringify(document))
    .join('---\n');
  const upsert = splitDocuments(text).flatMap((document) =>
    readDocument('routes.yaml', document, validators).entries.flatMap(({ good }) => good ?? []),
  );
  const translator = new Translator({
    listeners: ['http'],
    catalogue,
    globalPolicies: [],
    backends: {
      ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
      crossNamespace: { kind: 'any' },
    },
  });
  const { delta } = translator.update({ upsert, remove: [], findings: [] });
  const { failures, table } = new TableBuilder<string>(testEnv(catalogue)).apply(delta, 1);
  const actionOf = (host: string, target: string) => {
    const entryOf = table.match({
      ...{ listener: 'http', host, path: target, method: 'GET', clientAddress: '192.0.2.1' },
      ...{ header: () => null, queryParam: () => null, cookie: () => null, claim: () => undefined },
    });
    const { action, steps } = entryOf!.rule;
    for (const { policy } of steps) policy.close?.();
    return action.kind;
  };
  return {
    told: [...translator.findings.map(({ code }) => code), ...failures.map(({ message }) => message)],
    with: actionOf('a.example', '/'),
    other: actionOf('a.example', '/other'),
    neighbour: actionOf('b.example', '/'),
  };
}

describe.each([...policyCatalogue.keys()])('%s', (name) => {
  const entry = exampleOf(name);

  it('that can not be bound closes its rule, is told, and harms no other', () => {
    const served = serve(failing, entry, 'rule');
    expect(served).toMatchObject({ with: 'fail', other: 'respond', neighbour: 'respond' });
    expect(served.told.length).toBeGreaterThan(0);
  });

  it('of a whole route closes all of its rules, and no other route', () => {
    const served = serve(failing, entry, 'route');
    expect(served).toMatchObject({ with: 'fail', other: 'fail', neighbour: 'respond' });
  });

  it('is either built without what it refers to, or closes its rule', () => {
    const served = serve(policyCatalogue, entry, 'rule');
    expect(served).toMatchObject({ other: 'respond', neighbour: 'respond' });
    expect(served.with).toBe(served.told.length === 0 ? 'respond' : 'fail');
  });

  it('in shadow mode closes nothing, and is told all the same', () => {
    const served = serve(failing, { ...entry, shadow: true }, 'rule');
    expect(served).toMatchObject({ with: 'respond', other: 'respond', neighbour: 'respond' });
    expect(served.told.length).toBeGreaterThan(0);
  });
});
