import { createHash, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PublishedState } from '../control/published.ts';
import { printFindings } from '../ir/print.ts';
import { policyCatalogue } from '../policies/index.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import { Translator } from './translator.ts';

const catalogue = new Map();
const validators = createValidators(catalogue);
const backends = {
  ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
  crossNamespace: { kind: 'any' as const },
};
const make = () => new Translator({ listeners: ['http'], catalogue, globalPolicies: [], backends });

function read(document: object) {
  const { entries, findings } = readDocument(
    't.yaml',
    splitDocuments(JSON.stringify(document))[0]!,
    validators,
  );
  expect(findings).toEqual([]);
  return entries[0]!.good!;
}
const ours = (kind: string, name: string, spec: object, born?: string, namespace = 'shop') =>
  read({
    ...{ apiVersion: 'portreeve.dev/v1alpha1', kind, spec },
    metadata: { name, namespace, ...(born !== undefined && { creationTimestamp: born }) },
  });
const consumer = (name: string, credentials: readonly object[], more: object = {}, born?: string) =>
  ours('Consumer', name, { credentials, ...more }, born);
const secret = (name: string, stringData: object) =>
  read({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, stringData });
const apiKey = (name: string, key?: string) => ({ apiKey: { secretRef: { name, ...(key && { key }) } } });
const basic = (username: string, name: string) => ({ basic: { username, secretRef: { name } } });
const change = (...upsert: ReturnType<typeof read>[]) => ({ upsert, remove: [], findings: [] });
const gone = (...objects: ReturnType<typeof read>[]) => ({
  ...{ upsert: [], findings: [] },
  remove: objects.map(({ ref }) => ref),
});
const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
const names = (consumers: readonly { name: string }[]) => consumers.map(({ name }) => name);

test('threads get hashes of keys, names of passwords, and the limits that ref names', () => {
  const translator = make();
  const limits = [{ name: 'all', key: [{ constant: 'x' }], windows: { minute: 9 } }];
  const { delta } = translator.update(
    change(
      secret('keys', { key: 'k-1\n', old: `sha256:${createHash('sha256').update('k-0').digest('hex')}` }),
      secret('pass', { password: 'correct horse' }),
      ours('RateLimitPolicy', 'gold', { limits }),
      consumer(
        'acme',
        [
          ...[apiKey('keys'), apiKey('keys', 'old'), basic('ann', 'pass')],
          ...[{ jwt: { claim: 'iss', equals: 'acme' } }, { certificate: { subject: 'CN=acme' } }],
        ],
        { groups: ['partners'], roles: ['editor'], permissions: ['read'], rateLimit: { ref: 'gold' } },
      ),
    ),
  );
  expect(translator.findings).toEqual([]);
  expect(delta.upsertConsumers).toEqual([
    {
      ...{ key: 'Consumer/shop/acme', namespace: 'shop', name: 'acme' },
      ...{ groups: ['partners'], roles: ['editor'], permissions: ['read'] },
      apiKeys: [digest('k-1'), digest('k-0')],
      passwords: [{ user: 'ann', secret: 'Secret/shop/pass/password' }],
      claims: [{ claim: 'iss', equals: 'acme' }],
      certificates: ['CN=acme'],
      rateLimit: {
        id: 'shop/gold',
        scope: 'local',
        limits: [expect.objectContaining({ windows: { minute: 9 } })],
      },
      ...{ policies: null, signers: [], signingKeys: [] },
    },
  ]);
  expect(delta.upsertSecrets).toEqual([{ key: 'Secret/shop/pass/password', text: 'correct horse' }]);
  expect(JSON.stringify(delta.upsertConsumers)).not.toMatch(/k-1|k-0|horse/);
});

test('keys with which Consumers sign: good ones reach the threads by name, bad ones are told', () => {
  const translator = make();
  const hmac = (username: string, name: string) => ({ hmac: { username, secretRef: { name } } });
  const signature = (keyId: string, more: object) => ({ signature: { keyId, ...more } });
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
  const shared = { algorithm: 'hmac-sha256', secretRef: { name: 'long' } };
  translator.update(
    change(
      secret('long', { secret: 'a secret of 16 or more', key: 'a key of 16 or more' }),
      secret('short', { secret: 'tiny!', key: 'tiny!' }),
      consumer('acme', [
        ...[hmac('ann', 'long'), hmac('bob', 'short'), hmac('eve', 'gone')],
        ...[signature('k1', shared), signature('k2', { ...shared, secretRef: { name: 'short' } })],
        signature('k3', { algorithm: 'ed25519', publicKey }),
      ]),
      consumer('zoe', [hmac('ann', 'long'), signature('k1', shared)]),
    ),
  );
  const [acme, zoe] = translator.consumers;
  expect([zoe!.signers, zoe!.signingKeys]).toEqual([[], []]);
  expect(acme!.signers).toEqual([{ user: 'ann', secret: 'Secret/shop/long/secret' }]);
  expect(acme!.signingKeys).toMatchObject([
    { keyId: 'k1', algorithm: 'hmac-sha256', material: { secret: 'Secret/shop/long/key' } },
    { keyId: 'k3', algorithm: 'ed25519', material: { publicKey } },
  ]);
  expect(translator.secrets.map(({ key }) => key).toSorted()).toEqual([
    'Secret/shop/long/key',
    'Secret/shop/long/secret',
  ]);
  const printed = printFindings(translator.findings);
  for (const told of [
    'secretRefused on Consumer/shop/acme spec.credentials[1].hmac.secretRef.key',
    'referenceNotFound on Consumer/shop/acme spec.credentials[2].hmac.secretRef.name',
    'secretRefused on Consumer/shop/acme spec.credentials[4].signature.secretRef.key',
    'credentialTaken on Consumer/shop/zoe spec.credentials[0].hmac.username',
    'credentialTaken on Consumer/shop/zoe spec.credentials[1].signature.keyId',
  ])
    expect(printed).toContain(told);
  expect(printed).not.toMatch(/tiny|a secret of|a key of/);
});

test('policies of a Consumer: what they refer to is found, what they can not be is told at their place', () => {
  const limits = [{ name: 'all', key: [{ constant: 'x' }], windows: { minute: 9 } }];
  const catalogue = policyCatalogue;
  const translator = new Translator({ listeners: ['http'], catalogue, globalPolicies: [], backends });
  const all = createValidators(catalogue);
  const of = (name: string, policies: readonly object[], more: object = {}) => {
    const document = {
      ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: { name, namespace: 'shop' } },
      spec: { policies, ...more },
    };
    const { entries } = readDocument('t.yaml', splitDocuments(JSON.stringify(document))[0]!, all);
    return entries[0]!.good!;
  };
  const headers = { requestHeaders: { remove: ['A'] } };
  const limited = { rateLimit: { ref: 'gold' } };
  translator.update(
    change(
      of('one', [headers]),
      of('two', [headers]),
      of('limited', [limited]),
      of('twice', [limited], { rateLimit: { ref: 'gold' } }),
      of('early', [headers, { cors: { origins: ['https://a.example'] } }, { apiKey: {} }]),
    ),
  );
  const policiesOf = (name: string) => translator.consumers.find((one) => one.name === name)!.policies!;
  expect(policiesOf('one')).toMatchObject({ id: policiesOf('two').id, closed: null });
  expect(policiesOf('early').closed?.message).toMatch(/its phase, edge, has passed/);
  expect(policiesOf('limited').closed).not.toBeNull();
  const places = () =>
    translator.findings
      .map(({ code, origin }) => `${code} ${origin.object.name} ${origin.fieldPath}`)
      .toSorted();
  expect(places()).toEqual([
    'policyRefused early spec.policies[1]',
    'policyRefused early spec.policies[2]',
    'policyRefused twice spec.policies[0]',
    'referenceNotFound limited spec.policies[0].rateLimit.ref',
    'referenceNotFound twice spec.policies[0].rateLimit.ref',
    'referenceNotFound twice spec.rateLimit.ref',
  ]);
  const { delta } = translator.update(change(ours('RateLimitPolicy', 'gold', { limits })));
  expect(names(delta.upsertConsumers).toSorted()).toEqual(['limited', 'twice']);
  expect([policiesOf('limited').closed, policiesOf('twice').closed === null]).toEqual([null, false]);
});

test('a change of one sends one, and no route', () => {
  const translator = make();
  const many = Array.from({ length: 50 }, (_, i) => i);
  const keyOf = (i: number, text = `key-${i}`) => secret(`s${i}`, { key: text });
  const of = (i: number, more: object = {}) => consumer(`c${i}`, [apiKey(`s${i}`)], more);
  const route = ours('GatewayRoute', 'r', { rules: [{ respond: {} }] });
  translator.update(change(route, ...many.map((i) => keyOf(i)), ...many.map((i) => of(i))));
  expect(translator.consumers).toHaveLength(50);
  const same = translator.update(change(of(7))).delta;
  const edited = translator.update(change(of(7, { groups: ['new'] }))).delta;
  const rotated = translator.update(change(keyOf(8, 'another'))).delta;
  const removed = translator.update(gone(of(9))).delta;
  expect([same, edited, rotated, removed].map(({ upsertConsumers }) => names(upsertConsumers))).toEqual([
    ...[[], ['c7'], ['c8'], []],
  ]);
  expect(removed.removeConsumers).toEqual(['Consumer/shop/c9']);
  expect([edited, rotated, removed].flatMap(({ upsertRoutes }) => upsertRoutes)).toEqual([]);
});

test('what is missing costs the one credential', () => {
  const translator = make();
  const acme = consumer(
    'acme',
    [apiKey('gone'), apiKey('there', 'nope'), apiKey('there'), basic('ann', 'empty')],
    {
      rateLimit: { ref: 'none' },
    },
  );
  translator.update(change(acme, secret('there', { key: 'k' }), secret('empty', { password: '\n' })));
  const [ir] = translator.consumers;
  expect([ir!.apiKeys, ir!.passwords, ir!.rateLimit]).toEqual([[digest('k')], [], null]);
  const printed = printFindings(translator.findings);
  expect(
    printed
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S+ /, '')),
  ).toEqual(
    [
      expect.stringContaining('on Consumer/shop/acme spec.credentials[0].apiKey.secretRef.name'),
      expect.stringContaining('secretRefused on Consumer/shop/acme spec.credentials[1].apiKey.secretRef.key'),
      expect.stringContaining('secretRefused on Consumer/shop/acme spec.credentials[3].basic.secretRef.key'),
      expect.stringContaining('referenceNotFound on Consumer/shop/acme spec.rateLimit.ref'),
    ].toSorted(),
  );
  const { delta } = translator.update(change(secret('gone', { key: 'late' })));
  expect(delta.upsertConsumers[0]!.apiKeys).toEqual([digest('late'), digest('k')]);
});

test('of two with one key the elder has it, the other is told whose it is, and inherits it', () => {
  const translator = make();
  const old = consumer('zoe', [apiKey('k')], {}, '2020-01-01T00:00:00Z');
  const young = consumer('amy', [apiKey('k'), basic('amy', 'p')], {}, '2024-01-01T00:00:00Z');
  translator.update(change(secret('k', { key: 'same' }), secret('p', { password: 'p' }), young));
  const { delta } = translator.update(change(old));
  expect(delta.upsertConsumers.map(({ name, apiKeys }) => [name, apiKeys.length])).toEqual([
    ['amy', 0],
    ['zoe', 1],
  ]);
  expect(translator.consumers.find(({ name }) => name === 'amy')!.passwords).toHaveLength(1);
  expect(printFindings(translator.findings)).toMatch(
    /^\S+ credentialTaken on Consumer\/shop\/amy spec.credentials\[0\].apiKey .*"name":"zoe"/,
  );
  const left = translator.update(gone(old)).delta;
  expect([left.removeConsumers, names(left.upsertConsumers), translator.findings]).toEqual([
    ...[['Consumer/shop/zoe'], ['amy'], []],
  ]);
});

test('however changes come, threads know what a translator knows that saw the end alone', () => {
  const step = fc.record({
    who: fc.constantFrom('a', 'b', 'c'),
    credentials: fc.uniqueArray(fc.constantFrom('k1', 'k2', 'k3'), { maxLength: 3 }),
    what: fc.constantFrom('put', 'put', 'remove', 'secret'),
    text: fc.constantFrom('x', 'y'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const [translator, threads] = [make(), new PublishedState()];
      const objects = new Map<string, ReturnType<typeof read>>();
      for (const { who, credentials, what, text } of steps) {
        const object =
          what === 'secret'
            ? secret(credentials[0] ?? 'k1', { key: text })
            : consumer(who, [...credentials.map((name) => apiKey(name)), basic(`u-${text}`, 'k1')]);
        const key = `${object.kind}/${object.ref.name}`;
        if (what === 'remove') objects.delete(key);
        else objects.set(key, object);
        const { delta } = translator.update(what === 'remove' ? gone(object) : change(object));
        threads.apply(delta, []);
      }
      const scratch = make();
      scratch.update(change(...objects.values()));
      const sorted = (list: readonly { key: string }[]) =>
        list.map((one) => [one.key, JSON.stringify(one)]).toSorted();
      expect(sorted(threads.consumers)).toEqual(sorted(scratch.consumers));
      expect(sorted(threads.secrets)).toEqual(sorted(scratch.secrets));
      expect(printFindings(translator.findings)).toEqual(printFindings(scratch.findings));
    }),
    { numRuns: 150 },
  );
});
