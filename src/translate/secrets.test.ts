import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { PublishedState } from '../control/published.ts';
import { printFindings, printIr } from '../ir/print.ts';
import { fields, secretRef } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import { secretText } from './secrets.ts';
import { Translator } from './translator.ts';

/** Wants a text of at least eight characters. */
const sealed = definePolicy({
  name: 'sealed',
  phase: 'edge',
  summary: 'For tests.',
  schema: fields({ secretRef: secretRef('key'), note: Type.Optional(Type.String()) }, 'For tests.'),
  resolve: ({ secretRef }, context) => ({
    ...context.secret(secretRef, 'secretRef', (text) => (text.length < 8 ? 'is too short' : null)),
  }),
  bind: () => ({}),
});
const catalogue = new Map([[sealed.name, sealed]]);
const validators = createValidators(catalogue);
const backends = {
  ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
  crossNamespace: { kind: 'any' as const },
};

function read(document: object) {
  const { entries } = readDocument('t.yaml', splitDocuments(JSON.stringify(document))[0]!, validators);
  return entries[0]!.good!;
}
const secret = (name: string, stringData: object, namespace = 'shop') =>
  read({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
const route = (name: string, secretName: string, level: 'rule' | 'route' = 'rule') => {
  const policies = [{ sealed: { secretRef: { name: secretName } } }];
  const spec =
    level === 'rule' ? { rules: [{ respond: {}, policies }] } : { policies, rules: [{ respond: {} }] };
  return read({
    ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute' },
    ...{ metadata: { name, namespace: 'shop' }, spec },
  });
};
const change = (...upsert: ReturnType<typeof read>[]) => ({ upsert, remove: [], findings: [] });
const make = () => new Translator({ listeners: ['http'], catalogue, globalPolicies: [], backends });
const actions = (translator: Translator) =>
  translator.ir.routes.flatMap(({ rules }) => rules.map(({ action }) => action.kind));

const TEXT = 'correct horse battery';
const KEY = 'Secret/shop/a/key';

test('a route names its secret, whose text travels apart and once', () => {
  const translator = make();
  const { delta } = translator.update(
    change(secret('a', { key: TEXT }), route('one', 'a'), route('two', 'a', 'route')),
  );
  expect([translator.findings, actions(translator)]).toEqual([[], ['respond', 'respond']]);
  expect(delta.upsertSecrets).toEqual([{ key: KEY, text: TEXT }]);
  expect(delta.upsertRoutes[0]!.rules[0]!.policies[0]!.config).toEqual({ secret: KEY });
  const shown = printIr(translator.ir, translator.endpoints) + JSON.stringify(delta.upsertRoutes);
  expect(shown).toContain(KEY);
  expect(shown).not.toContain(TEXT);
});

test('a new text is told, and the secret goes with the last route that names it', () => {
  const translator = make();
  const [one, two] = [route('one', 'a'), route('two', 'a')];
  translator.update(change(secret('a', { key: TEXT }), secret('unused', { key: TEXT }), one, two));
  const rotated = translator.update(change(secret('a', { key: 'another secret' }))).delta;
  expect(rotated.upsertSecrets).toEqual([{ key: KEY, text: 'another secret' }]);
  expect(translator.update(change(secret('a', { key: 'another secret' }))).delta.upsertSecrets).toEqual([]);
  const gone = (which: typeof one) => translator.update({ upsert: [], remove: [which.ref], findings: [] });
  expect(gone(one).delta.removeSecrets).toEqual([]);
  expect(gone(two).delta.removeSecrets).toEqual([KEY]);
  expect(translator.secrets).toEqual([]);
});

describe.each(['rule', 'route'] as const)('of a policy of a %s', (level) => {
  test.each([
    [[], `referenceNotFound on GatewayRoute/shop/r SPEC.sealed.secretRef.name`],
    [[secret('a', { key: TEXT }, 'other')], `referenceNotFound`],
    [[secret('a', { other: TEXT })], 'secretRefused'],
    [[secret('a', { key: 'xyzzy' })], '"message":"is too short"'],
  ])('%#: what is not there closes the rule until it comes, and when it goes', (around, finding) => {
    const translator = make();
    translator.update(change(...around, route('r', 'a', level)));
    expect(actions(translator)).toEqual(['fail']);
    const at = level === 'rule' ? 'spec.rules[0].policies[0]' : 'spec.policies[0]';
    const printed = printFindings(translator.findings);
    expect(printed).toContain(finding.replace('SPEC', at));
    expect(printed).not.toContain('xyzzy');
    const there = secret('a', { key: TEXT });
    translator.update(change(there));
    expect([actions(translator), translator.findings]).toEqual([['respond'], []]);
    const { delta } = translator.update({ upsert: [], remove: [there.ref], findings: [] });
    expect([actions(translator), delta.removeSecrets]).toEqual([['fail'], [KEY]]);
  });
});

test('a late thread is told all secrets, and a first change takes the place of those from before', () => {
  const translator = make();
  const published = new PublishedState();
  published.apply(translator.update(change(secret('a', { key: TEXT }), route('r', 'a'))).delta, []);
  expect(published.asDelta().upsertSecrets).toEqual([{ key: KEY, text: TEXT }]);
  expect(JSON.stringify(published.ir)).not.toContain(TEXT);
  expect(published.replacedBy(make().update(change()).delta).removeSecrets).toEqual([KEY]);
});

describe('text of a Secret', () => {
  const of = (parts: object) => secretText({ ...secret('a', {}).object, ...parts } as never, 'key');
  const base64 = (bytes: string | Buffer) => ({ data: { key: Buffer.from(bytes).toString('base64') } });

  test.each([
    [{ stringData: { key: 'plain' }, ...base64('less') }, 'plain'],
    [base64('schlüssel'), 'schlüssel'],
    [base64('from echo\n'), 'from echo'],
    [base64('of windows\r\n'), 'of windows'],
    [base64('two\n\n'), 'two\n'],
    [base64('\ufeffmarked'), '\ufeffmarked'],
    [{ data: { key: 'cGxh\naW4=\n' } }, 'plain'],
  ])('%j', (parts, text) => expect(of(parts)).toEqual({ ok: true, text }));

  test.each([
    [base64(Buffer.from([0xff, 0xfe])), 'has no text (UTF-8) under its key "key"'],
    [{ data: { key: 'not base64!' } }, 'has no base64 under its key "key"'],
    [{ data: { other: '' } }, 'has no key "key"'],
    [{}, 'has no key "key"'],
    [{ data: Object.create({ key: 'aGk=' }) as object }, 'has no key "key"'],
  ])('%j is none', (parts, message) =>
    expect(of({ stringData: undefined, ...parts })).toEqual({ ok: false, message }),
  );
});
