import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PublishedState } from '../control/published.ts';
import type { Finding } from '../ir/finding.ts';
import { printIr } from '../ir/print.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import type { SourcedObject } from '../sources/source.ts';
import type { TranslateOptions } from './options.ts';
import { Translator } from './translator.ts';

const validators = createValidators(new Map());
const options: TranslateOptions = {
  listeners: ['http'],
  catalogue: new Map(),
  globalPolicies: [],
  backends: {
    allowUrls: true,
    allowLoopback: true,
    allowLinkLocal: false,
    allowExternalNames: false,
    crossNamespace: { kind: 'any' },
  },
};
const NOW = () => new Date('2026-01-02T03:04:05Z');

function objects(text: string): readonly SourcedObject[] {
  return splitDocuments(text).flatMap((document) => {
    const { entries, findings } = readDocument('test.yaml', document, validators);
    expect(findings).toEqual([]);
    return entries.map((entry) => entry.good!);
  });
}

function route(name: string, rule: object, hosts: readonly string[] = []): SourcedObject {
  const document = {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name },
    spec: { hosts, rules: [rule] },
  };
  return objects(JSON.stringify(document))[0]!;
}

function service(name: string, ports: readonly object[]): SourcedObject {
  return objects(
    JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports } }),
  )[0]!;
}

function slice(name: string, of: string, addresses: readonly string[], port = 8080): SourcedObject {
  const metadata = { name, labels: { 'kubernetes.io/service-name': of } };
  const endpoints = addresses.map((address) => ({ addresses: [address] }));
  const document = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints,
  };
  return objects(JSON.stringify(document))[0]!;
}

const toService = (name: string, port: number | string = 80) => ({ backends: [{ service: { name, port } }] });
const upsert = (...list: readonly SourcedObject[]) => ({ upsert: list, remove: [], findings: [] });
const remove = (...list: readonly SourcedObject[]) => ({
  upsert: [],
  remove: list.map((one) => one.ref),
  findings: [],
});
const HTTP = [{ name: 'http', port: 80 }];

describe('a change costs what it touches', () => {
  test('a changed route is told alone', () => {
    const translator = new Translator(options);
    translator.update(upsert(route('a', { respond: {} }), route('b', { respond: {} })));
    const { delta } = translator.update(upsert(route('b', { respond: { status: 204 } })));
    expect(delta.upsertRoutes.map(({ key }) => key)).toEqual(['GatewayRoute/default/b']);
    expect([delta.removeRoutes, delta.upsertClusters, delta.removeClusters]).toEqual([[], [], []]);
  });

  test('endpoints change without routes or clusters', () => {
    const translator = new Translator(options);
    translator.update(upsert(route('a', toService('s')), service('s', HTTP), slice('x', 's', ['10.0.0.1'])));
    const { delta, endpoints } = translator.update(upsert(slice('x', 's', ['10.0.0.1', '10.0.0.2'])));
    expect(Object.values(delta).flat()).toEqual([]);
    expect(endpoints.map((one) => one.endpoints.map(({ address }) => address))).toEqual([
      ['10.0.0.1', '10.0.0.2'],
    ]);
  });

  test('a slice that says the same again is not told', () => {
    const translator = new Translator(options);
    translator.update(upsert(route('a', toService('s')), service('s', HTTP), slice('x', 's', ['10.0.0.1'])));
    const { delta, endpoints } = translator.update(upsert(slice('x', 's', ['10.0.0.1'])));
    expect([...Object.values(delta).flat(), ...endpoints]).toEqual([]);
  });

  test('a Service that comes heals the routes that name it', () => {
    const translator = new Translator(options);
    translator.update(
      upsert(route('a', toService('s', 'http')), route('b', { respond: {} }), slice('x', 's', ['10.0.0.1'])),
    );
    expect(translator.findings.map(({ code }) => code)).toEqual(['backendNotFound']);
    const { delta, endpoints } = translator.update(upsert(service('s', HTTP)));
    expect(translator.findings).toEqual([]);
    expect(delta.upsertRoutes.map(({ key }) => key)).toEqual(['GatewayRoute/default/a']);
    expect(delta.upsertClusters.map(({ key }) => key)).toEqual(['Service/default/s:80']);
    expect(delta.removeClusters).toEqual(['Service/default/s:http']);
    expect(endpoints[0]?.endpoints[0]).toMatchObject({ address: '10.0.0.1', port: 8080, ready: true });
  });

  test('a cluster lives as long as a route needs it', () => {
    const translator = new Translator(options);
    const [a, b] = [route('a', toService('s')), route('b', toService('s'))];
    translator.update(upsert(a, b, service('s', HTTP)));
    expect(translator.update(remove(a)).delta.removeClusters).toEqual([]);
    expect(translator.update(remove(b)).delta.removeClusters).toEqual(['Service/default/s:80']);
  });
});

describe('the last good version', () => {
  const good = route('a', { matches: [{ path: { prefix: '/good' } }], respond: {} });
  const bad = route('a', { matches: [{ path: { regex: '[' } }], respond: {} });

  test('keeps serving when the next one has a fault, and the findings say so', () => {
    const translator = new Translator(options, NOW);
    translator.update(upsert(good));
    const before = printIr(translator.ir, translator.endpoints);
    translator.update(upsert(bad));
    expect(printIr(translator.ir, translator.endpoints)).toBe(before);
    expect(translator.findings.map(({ code }) => code)).toEqual(['regexRefused', 'keptLastGood']);
    expect(translator.findings[1]).toMatchObject({ since: '2026-01-02T03:04:05.000Z' });
  });

  test('ends when the object is mended, or removed', () => {
    const translator = new Translator(options, NOW);
    translator.update(upsert(good));
    translator.update(upsert(bad));
    translator.update(upsert(route('a', { matches: [{ path: { prefix: '/new' } }], respond: {} })));
    expect(printIr(translator.ir, [])).toContain('prefix /new');
    expect(translator.findings).toEqual([]);
    translator.update(upsert(bad));
    expect(translator.update(remove(bad)).delta.removeRoutes).toEqual(['GatewayRoute/default/a']);
    expect(translator.findings).toEqual([]);
  });

  test('follows the Services that it names', () => {
    const translator = new Translator(options, NOW);
    translator.update(upsert(route('a', toService('s')), service('s', HTTP)));
    translator.update(upsert(bad));
    translator.update(remove(service('s', HTTP)));
    translator.update(upsert(service('s', [{ name: 'http', port: 80, appProtocol: 'https' }])));
    expect(translator.ir.clusters[0]?.protocol).toEqual({ kind: 'https', serverName: 's.default.svc' });
  });

  test('is none when there was no good one: the rule is closed, not left out', () => {
    const translator = new Translator(options, NOW);
    translator.update(
      upsert(
        route('a', {
          matches: [{ path: { prefix: '/x' }, headers: [{ name: 'h', regex: '(' }] }],
          respond: {},
        }),
      ),
    );
    expect(translator.ir.routes[0]?.rules[0]).toMatchObject({
      action: { kind: 'fail', status: 500 },
      matches: [{ path: { value: '/x' } }],
    });
  });

  test('a missing Service is no fault of the route', () => {
    const translator = new Translator(options, NOW);
    translator.update(upsert(good));
    translator.update(upsert(route('a', toService('nobody'))));
    expect(printIr(translator.ir, translator.endpoints)).toContain('backend Service/default/nobody:80');
    expect(translator.findings.map(({ code }) => code)).toEqual(['backendNotFound']);
  });

  test('a source that keeps an object of which it can no longer read the text is told of', () => {
    const translator = new Translator(options, NOW);
    translator.update(upsert(good));
    const invalid = { code: 'invalid', origin: good.origin(''), message: 'must have rules' } as const;
    translator.update({ upsert: [], remove: [], findings: [invalid] });
    expect(translator.findings.map(({ code }) => code)).toEqual(['invalid', 'keptLastGood']);
  });
});

/** Objects of few names that refer to one another, good ones and bad ones. */
const anyObject: fc.Arbitrary<SourcedObject> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('s', 't'),
      fc.constantFrom(80, 'http', 81),
      fc.boolean(),
    )
    .map(([name, to, port, second]) =>
      route(name, {
        backends: [...toService(to, port).backends, ...(second ? toService('t').backends : [])],
      }),
    ),
  fc
    .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('/x', '['))
    .map(([name, regex]) => route(name, { matches: [{ path: { regex } }], respond: {} })),
  fc
    .tuple(
      fc.constantFrom('s', 't'),
      fc.subarray([
        { name: 'http', port: 80 },
        { name: 'other', port: 81 },
      ]),
    )
    .map(([name, ports]) => service(name, ports)),
  fc
    .tuple(
      fc.constantFrom('x', 'y'),
      fc.constantFrom('s', 't'),
      fc.subarray(['10.0.0.1', '10.0.0.2', '0.0.0.0']),
    )
    .map(([name, of, addresses]) => slice(name, of, addresses)),
);
const anyChange = fc.record({
  upsert: fc.array(anyObject, { maxLength: 4 }),
  remove: fc.array(anyObject, { maxLength: 2 }),
});

test('after any changes, what the threads were told is what a translation from scratch gives', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 12 }), (changes) => {
      const translator = new Translator(options, NOW);
      const published = new PublishedState();
      const model = new Map<string, SourcedObject>();
      for (const change of changes) {
        const latest = new Map(change.upsert.map((one) => [keyOf(one), one]));
        const removed = change.remove.filter((one) => !latest.has(keyOf(one)));
        const update = { upsert: [...latest.values()], remove: removed.map((one) => one.ref), findings: [] };
        const { delta, endpoints } = translator.update(update);
        published.apply(delta, endpoints);
        for (const one of removed) model.delete(keyOf(one));
        for (const [key, one] of latest)
          if (isGood(one) || !model.has(key) || !isGood(model.get(key)!)) model.set(key, one);
        const scratch = new Translator(options, NOW);
        scratch.update(upsert(...model.values()));
        const expected = printIr(scratch.ir, scratch.endpoints);
        expect(printIr(published.ir, published.endpoints)).toBe(expected);
        expect(printIr(translator.ir, translator.endpoints)).toBe(expected);
        // A bad version has faults of its own; whatever is wrong with what is served is told in any case.
        expect(problemsOf(translator.findings)).toEqual(expect.arrayContaining(problemsOf(scratch.findings)));
      }
    }),
    { numRuns: 150 },
  );
});

function problemsOf(findings: readonly Finding[]): string[] {
  return findings.map(({ code, origin }) => `${code} ${origin.object.name} ${origin.fieldPath}`);
}

function keyOf({ ref }: SourcedObject): string {
  return `${ref.kind}/${ref.name}`;
}

function isGood(one: SourcedObject): boolean {
  return !JSON.stringify(one.object).includes('"regex":"["');
}
