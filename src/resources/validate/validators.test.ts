import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import type { ResourceKind } from '../kinds.ts';
import { EXAMPLE_YAML } from '../testing/example.ts';
import { examplePolicies } from '../testing/policies.ts';
import { createValidators } from './validators.ts';

const validators = createValidators(examplePolicies);

function route(rule: object, spec: object = {}): object {
  return {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name: 'r' },
    spec: { rules: [{ respond: {}, ...rule }], ...spec },
  };
}

function errorsOf(kind: ResourceKind, candidate: unknown): string[] {
  const result = validators.validate(kind, candidate);
  return result.ok ? [] : result.errors.map(({ fieldPath, message }) => `${fieldPath}: ${message}`);
}

test('the example document is valid', () => {
  for (const document of loadAll(EXAMPLE_YAML)) {
    expect(errorsOf((document as { kind: ResourceKind }).kind, document)).toEqual([]);
  }
});

test('defaults are filled in', () => {
  const result = validators.validate('GatewayRoute', {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name: 'r' },
    spec: { rules: [{ backends: [{ service: { name: 'a', port: 80 } }], retry: {} }] },
  });
  expect(result).toMatchObject({
    ok: true,
    value: {
      metadata: { namespace: 'default' },
      spec: {
        rules: [
          {
            balancing: 'roundRobin',
            backends: [{ weight: 1 }],
            retry: { attempts: 2, when: ['connect', 'reset'], budget: '20%' },
          },
        ],
      },
    },
  });
});

describe('messages', () => {
  const service = (fields: object) => {
    const rule = route({ backends: [{ service: fields }] }) as { spec: { rules: Record<string, unknown>[] } };
    delete rule.spec.rules[0]!.respond;
    return rule;
  };
  test.each<[string, ResourceKind, object, string[]]>([
    [
      'misspelt field',
      'GatewayRoute',
      service({ name: 'a', prot: 80 }),
      [
        'spec.rules[0].backends[0].service.port: is required',
        'spec.rules[0].backends[0].service.prot: unknown field; did you mean "port"?',
      ],
    ],
    [
      'wrong type',
      'GatewayRoute',
      service({ name: 'a', port: [80] }),
      ['spec.rules[0].backends[0].service.port: must be a whole number or text, but is a list'],
    ],
    [
      'port out of range',
      'GatewayRoute',
      service({ name: 'a', port: 70000 }),
      ['spec.rules[0].backends[0].service.port: must be <= 65535, but is 70000'],
    ],
    [
      'misspelt policy',
      'GatewayRoute',
      route({ policies: [{ corz: {} }] }),
      ['spec.rules[0].policies[0].corz: unknown field; did you mean "cors"?'],
    ],
    [
      'the field that YAML 1.1 reads as true',
      'GatewayRoute',
      route({ retry: { on: ['reset'] } }),
      ['spec.rules[0].retry.on: unknown field; did you mean "when"?'],
    ],
    [
      'a text that only code can judge',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: ['https://a.example', 'https://b.example/', 'https://c/'] } }] }),
      [
        'spec.rules[0].policies[0].cors.origins[1]: an origin has no path',
        'spec.rules[0].policies[0].cors.origins[2]: an origin has no path',
      ],
    ],
    [
      'a text where code would judge a map',
      'GatewayRoute',
      route({ policies: [{ cors: '' }] }),
      ['spec.rules[0].policies[0].cors: must be a map of fields, but is text ("")'],
    ],
    [
      'a map where code would judge a text',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: [{}] } }] }),
      ['spec.rules[0].policies[0].cors.origins[0]: must be text, but is a map of fields'],
    ],
    [
      'what is empty does not also misfit its pattern',
      'GatewayRoute',
      route({}, { hosts: [''] }),
      ['spec.hosts[0]: must not be empty'],
    ],
    [
      'a method that no request has',
      'GatewayRoute',
      route({ matches: [{ methods: ['GET', 'post'] }] }),
      ['spec.rules[0].matches[0].methods[1]: methods are told by case: write POST'],
    ],
    [
      'such a text that is no text',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: [7] } }] }),
      ['spec.rules[0].policies[0].cors.origins[0]: must be text, but is a number (7)'],
    ],
    [
      'an object that only code can judge',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: ['*'], credentials: true } }] }),
      ['spec.rules[0].policies[0].cors: name the origins that may send credentials'],
    ],
    [
      'such an object in the wrong shape',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: null, credentials: true } }] }),
      ['spec.rules[0].policies[0].cors.origins: must be a list, but is empty'],
    ],
    [
      'two policies in one entry',
      'GatewayRoute',
      route({ policies: [{ cors: { origins: [] }, rateLimit: { ref: 'a' } }] }),
      [
        'spec.rules[0].policies[0]: has cors and rateLimit, but exactly one of cors, jwt, rateLimit, cache, require, validate, headers or sample is allowed',
      ],
    ],
    [
      'two kinds of path',
      'GatewayRoute',
      route({ matches: [{ path: { exact: '/a', prefix: '/b' } }] }),
      [
        'spec.rules[0].matches[0].path: has exact and prefix, but exactly one of exact, prefix, template or regex is allowed',
      ],
    ],
    [
      'no kind of path',
      'GatewayRoute',
      route({ matches: [{ path: {} }] }),
      ['spec.rules[0].matches[0].path: needs exactly one of exact, prefix, template or regex'],
    ],
    [
      'two actions',
      'GatewayRoute',
      route({ redirect: {} }),
      [
        'spec.rules[0]: has redirect and respond, but exactly one of backends, redirect or respond is allowed',
      ],
    ],
    [
      'duration without unit',
      'GatewayRoute',
      route({ timeouts: { request: '30' } }),
      ['spec.rules[0].timeouts.request: "30" does not fit: write a duration like 30s, 1m30s or 250ms'],
    ],
    [
      'duration as a number',
      'GatewayRoute',
      route({ timeouts: { request: 30 } }),
      [
        'spec.rules[0].timeouts.request: must be text, but is a number (30): write a duration like 30s, 1m30s or 250ms',
      ],
    ],
    [
      'misspelt value',
      'GatewayRoute',
      route({ balancing: 'leastrequests' }),
      [
        'spec.rules[0].balancing: "leastrequests" is not allowed; use roundRobin, random or leastRequest; did you mean "leastRequest"?',
      ],
    ],
    [
      'bad CIDR',
      'GatewayRoute',
      route({ matches: [{ clientAddresses: ['10.0.0.0/33'] }] }),
      [
        'spec.rules[0].matches[0].clientAddresses[0]: "10.0.0.0/33" is not a CIDR block like 10.0.0.0/8, or an IP address',
      ],
    ],
    [
      'one header twice',
      'GatewayRoute',
      route({
        matches: [
          {
            headers: [
              { name: 'a', present: {} },
              { name: 'a', exact: '1' },
            ],
          },
        ],
      }),
      ['spec.rules[0].matches[0].headers[1]: has the same name as entry 0: "a"'],
    ],
    ['no rules', 'GatewayRoute', route({}, { rules: [] }), ['spec.rules: must not be empty']],
    [
      'empty spec',
      'Consumer',
      { apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: { name: 'a' }, spec: null },
      ['spec: must be a map of fields, but is empty'],
    ],
    ['not an object', 'GatewayRoute', [], [': must be a map of fields, but is a list']],
  ])('%s', (_, kind, candidate, expected) => {
    expect(errorsOf(kind, candidate)).toEqual(expected);
  });

  test('a field named __proto__ is refused by name', () => {
    const candidate = JSON.parse(
      '{"apiVersion":"portreeve.dev/v1alpha1","kind":"Consumer","metadata":{"name":"a"},"spec":{"__proto__":{"x":1},"constructor":1}}',
    );
    const found = errorsOf('Consumer', candidate).join('\n');
    expect(found).toContain('spec.__proto__: unknown field');
    expect(found).toContain('spec.constructor: unknown field');
  });

  test('the values of a Secret are never quoted', () => {
    const found = errorsOf('Secret', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      type: 7654321,
      data: { key: 1234567 },
    }).join('\n');
    expect(found).toContain('data.key: must be text');
    expect(found).not.toMatch(/1234567|7654321/);
  });

  test('a huge bad object gives a bounded number of errors', () => {
    const rules = Array.from({ length: 200_000 }, () => 1);
    expect(errorsOf('GatewayRoute', route({}, { rules })).length).toBe(1);
    const listed = errorsOf('GatewayRoute', route({}, { rules: rules.slice(0, 1000) }));
    expect(listed.length).toBe(21);
    expect(listed.at(-1)).toBe(': has many more errors than are listed');
    const few = errorsOf('GatewayRoute', route({}, { rules: rules.slice(0, 23) }));
    expect([few.length, few.at(-1)]).toEqual([21, ': has 3 more errors than are listed']);
    expect(errorsOf('GatewayRoute', route({}, { rules: rules.slice(0, 20) })).length).toBe(20);
  });
});

test('an empty configuration takes every default', () => {
  const result = validators.validateConfig({});
  expect(result).toMatchObject({
    ok: true,
    value: {
      listeners: [{ name: 'http', address: '0.0.0.0', port: 8080 }],
      admin: { address: '127.0.0.1', port: 9901 },
      timeouts: { head: '10s', drain: '25s' },
      accessLog: { json: {} },
    },
  });
});
