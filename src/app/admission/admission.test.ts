import { afterAll, describe, expect, test } from 'vitest';
import type { AdmissionRequest, Verdict } from '../../admin/webhook/review.ts';
import { policyCatalogue } from '../../policies/index.ts';
import { createValidators } from '../../resources/validate/validators.ts';
import { readDocument } from '../../sources/files/document.ts';
import { splitDocuments } from '../../sources/files/split.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import { Translator } from '../../translate/translator.ts';
import { fieldLine } from '../finding-line.ts';
import { Admission } from './admission.ts';
import { RouteChecker } from './route-checker.ts';

const options: TranslateOptions = {
  listeners: ['http'],
  catalogue: policyCatalogue,
  globalPolicies: [],
  backends: {
    allowUrls: false,
    allowLoopback: false,
    allowLinkLocal: false,
    allowExternalNames: false,
    crossNamespace: { kind: 'pairs', pairs: [{ from: 'shop', to: 'ops' }] },
  },
};
const validators = createValidators(policyCatalogue);
const checker = new RouteChecker(options);
afterAll(() => checker.close());

/** What a folder with these objects says: as `validate` does. */
function translated(...objects: readonly object[]): Translator {
  const translator = new Translator(options);
  const documents = objects.flatMap((object) =>
    splitDocuments(JSON.stringify(object)).map((text) => readDocument('folder.json', text, validators)),
  );
  translator.update({
    upsert: documents.flatMap(({ entries }) => entries.flatMap(({ good }) => good ?? [])),
    remove: [],
    findings: documents.flatMap(({ findings }) => findings),
  });
  return translator;
}

const users = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'users', namespace: 'shop' },
  spec: { ports: [{ name: 'http', port: 80 }] },
};
const audit = { ...users, metadata: { name: 'audit', namespace: 'ops' } };
const there = [users, audit];
const toUsers = [{ service: { name: 'users', port: 80 } }];

const object = (kind: string, spec: unknown, name = 'mine') => ({
  apiVersion: 'portreeve.dev/v1alpha1',
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
});
const route = (rule: object, spec: object = {}) => object('GatewayRoute', { rules: [rule], ...spec });
const path = (match: object) => route({ matches: [{ path: match }], backends: toUsers });

function judge(request: Partial<AdmissionRequest>, around = translated(...there)): Promise<Verdict> {
  const admission = new Admission({
    catalogue: policyCatalogue,
    validators,
    checker,
    surroundings: { service: around.service, referred: around.referred, routes: () => around.ir.routes },
  });
  const given = request.object as { apiVersion?: string; kind?: string } | undefined;
  const usual: AdmissionRequest = {
    uid: 'u',
    operation: 'CREATE',
    apiVersion: given?.apiVersion ?? '',
    kind: given?.kind ?? '',
    subResource: '',
    namespace: 'shop',
    object: null,
    oldObject: null,
  };
  return admission.judge({ ...usual, ...request }, new AbortController().signal);
}

const bad: readonly [string, object, RegExp][] = [
  [
    'a regular expression that RE2 refuses',
    path({ regex: '/a(?=b)' }),
    /^spec\.rules\[0\]\.matches\[0\]\.path\.regex: .*not valid RE2/,
  ],
  ['one that is too costly', path({ regex: '(a{1000})' }), /too costly/],
  ['a path with .. above the root', path({ prefix: '/a/../../b' }), /path/],
  ['a template with a parameter twice', path({ template: '/{id}/{id}' }), /same name/],
  [
    'a wildcard host with an underscore',
    route({ backends: toUsers }, { hosts: ['a_b.example.com'] }),
    /^spec\.hosts\[0\]: host/,
  ],
  ['a backend by URL', route({ backends: [{ url: 'http://127.0.0.1' }] }), /allowUrlBackends/],
  [
    'a Service of a namespace that may not be named',
    route({ backends: [{ service: { name: 'users', namespace: 'bank', port: 80 } }] }),
    /^spec\.rules\[0\]\.backends\[0\]\.service\.namespace: namespace shop may not refer to Service\/bank\/users \(add \{ from: shop, to: bank \}/,
  ],
  [
    'an unknown field',
    route({ backends: toUsers, timeout: '1s' }),
    /timeout: unknown field; did you mean "timeouts"/,
  ],
  ['an unknown policy', route({ backends: toUsers, policies: [{ nothing: {} }] }), /unknown field/],
  ['no spec', { ...object('GatewayRoute', null), spec: undefined }, /^spec: is required$/],
  ['a spec that is text', object('GatewayRoute', 'hello'), /^spec: must be a map/],
  [
    'two faults',
    route({ matches: [{ path: { regex: '[' } }, { path: { regex: '(' } }], backends: toUsers }),
    /matches\[0\].*\n.*matches\[1\]/,
  ],
  ['a rate limit without limits', object('RateLimitPolicy', { scope: 'local' }), /limits/],
  [
    'a consumer with two credentials in one',
    object('Consumer', {
      credentials: [{ jwt: { claim: 'a', equals: 'b' }, certificate: { subject: 'c' } }],
    }),
    /exactly one/,
  ],
];

describe('an object with a fault', () => {
  test.each(bad)('is refused: %s', async (_, candidate, words) => {
    expect(await judge({ object: candidate })).toMatchObject({
      allowed: false,
      message: expect.stringMatching(words),
    });
  });

  test.each(bad)('is refused in the words of validate: %s', async (_, candidate) => {
    const told = translated(...there, candidate).findings.map(fieldLine);
    const verdict = await judge({ object: candidate });
    expect(verdict).toMatchObject({ allowed: false, message: told.join('\n') });
  });

  test.each(bad)(
    'is refused as an update of a good one, and not where its spec was so before: %s',
    async (_, candidate) => {
      const good = route({ backends: toUsers });
      const update = { operation: 'UPDATE', object: candidate } as const;
      expect(await judge({ ...update, oldObject: good })).toMatchObject({ allowed: false });
      if ((candidate as { spec?: unknown }).spec === undefined) return;
      const labelled = { ...candidate, metadata: { name: 'mine', namespace: 'shop', labels: { a: 'b' } } };
      expect(await judge({ ...update, object: labelled, oldObject: candidate })).toEqual({
        allowed: true,
        warnings: [],
      });
    },
  );

  test('is allowed where it goes, where its status is written, and where it loses its finalizers', async () => {
    const [, candidate] = bad[0]!;
    const allowed = { allowed: true, warnings: [] };
    expect(await judge({ operation: 'DELETE', object: null, oldObject: candidate })).toEqual(allowed);
    expect(await judge({ operation: 'CONNECT', object: candidate })).toEqual(allowed);
    expect(await judge({ operation: 'UPDATE', object: candidate, subResource: 'status' })).toEqual(allowed);
    const metadata = { name: 'mine', namespace: 'shop', deletionTimestamp: '2026-05-01T00:00:00Z' };
    expect(await judge({ operation: 'UPDATE', object: { ...candidate, metadata } })).toEqual(allowed);
  });
});

describe('what other objects may mend', () => {
  const warned = (warnings: readonly string[]) => ({ allowed: true, warnings });

  test('is a warning: a Service, a port, a listener that is not there', async () => {
    const candidate = route(
      { backends: [{ service: { name: 'nobody', port: 80 } }, { service: { name: 'users', port: 'grpc' } }] },
      { listeners: ['https'] },
    );
    expect(await judge({ object: candidate })).toEqual(
      warned([
        'spec.listeners[0]: there is no listener "https" (use one of: http)',
        'spec.rules[0].backends[0].service.name: there is no Service nobody.shop (create it, or correct the name)',
        'spec.rules[0].backends[1].service.port: Service users.shop has no port grpc (use one of: http (80))',
      ]),
    );
  });

  test('is nothing when all of it is there, mirrors and allowed namespaces included', async () => {
    const mirror = [{ service: { name: 'audit', namespace: 'ops', port: 'http' } }];
    const candidate = route({ backends: toUsers, mirror });
    expect(await judge({ object: candidate })).toEqual(warned([]));
  });

  test('is a warning: a RateLimitPolicy that a Consumer names; a Secret is read only once it is named', async () => {
    const candidate = object('Consumer', {
      rateLimit: { ref: 'gold' },
      credentials: [{ apiKey: { secretRef: { name: 'key' } } }],
    });
    expect(await judge({ object: candidate })).toEqual(
      warned(['spec.rateLimit.ref: there is no RateLimitPolicy/shop/gold (create it, or correct the name)']),
    );
  });

  test('is a warning: a match that another route takes, under a host of both', async () => {
    const older = { ...path({ prefix: '/a' }), metadata: { name: 'a-older', namespace: 'shop' } };
    const around = translated(...there, older);
    const { warnings } = await judge({ object: path({ prefix: '/a' }) }, around);
    expect(warnings).toEqual([
      expect.stringMatching(/^spec\.rules\[0\]\.matches\[0\]: no request ever gets here: .* takes them all/),
    ]);
    const elsewhere = route(
      { matches: [{ path: { prefix: '/a' } }], backends: toUsers },
      { hosts: ['b.example.com'] },
    );
    expect(await judge({ object: elsewhere }, around)).toEqual(warned([]));
  });

  test('is not that a route takes the place of itself', async () => {
    const candidate = path({ prefix: '/a' });
    expect(
      await judge(
        { operation: 'UPDATE', object: candidate, oldObject: null },
        translated(...there, candidate),
      ),
    ).toEqual(warned([]));
  });
});

describe('an object', () => {
  test('of a kind or version that is not known is allowed, with a warning', async () => {
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec: {} };
    expect(await judge({ object: deployment })).toEqual({
      allowed: true,
      warnings: [expect.stringContaining('apps/v1 Deployment is not read')],
    });
    const later = { ...route({}), apiVersion: 'portreeve.dev/v2' };
    expect(await judge({ object: later })).toMatchObject({ allowed: true, warnings: [expect.any(String)] });
  });

  test('that has no name yet, and takes its namespace from the request, is judged all the same', async () => {
    const metadata = { generateName: 'mine-' };
    expect(await judge({ object: { ...route({ backends: toUsers }), metadata } })).toEqual({
      allowed: true,
      warnings: [],
    });
    expect(await judge({ object: { ...path({ regex: '(' }), metadata } })).toMatchObject({ allowed: false });
  });

  test('with a status and with metadata that only API servers write is judged by its spec', async () => {
    const candidate = {
      ...route({ backends: toUsers }),
      metadata: {
        name: 'mine',
        namespace: 'shop',
        managedFields: [{}],
        annotations: { a: '{}' },
        unknown: 1,
      },
      status: { anything: true },
    };
    expect(await judge({ object: candidate })).toEqual({ allowed: true, warnings: [] });
  });

  test.each([null, 'text', [], {}, { metadata: null }])(
    'that is none is malformed: %j',
    async (candidate) => {
      const { apiVersion, kind } = route({});
      await expect(judge({ apiVersion, kind, object: candidate })).rejects.toThrow(
        'must be an object with metadata',
      );
    },
  );
});
