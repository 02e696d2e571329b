import { describe, expect, test } from 'vitest';
import { createValidators } from '../resources/validate/validators.ts';
import { policyCatalogue } from './index.ts';

/**
 * A header whose name an operator chose must never frame a message: a claim that became its Content-Length, or a credential that
 * was taken out of it, would let the sender of a token write the backend's next request.
 */
const validators = createValidators(policyCatalogue);
const SECRET = { secretRef: { name: 's' } };
const KEYS = [{ secretRef: { name: 's', key: 'k' } }];
const LIMIT = { name: 'a', key: [{ route: {} }], windows: { minute: 1 } };

type Rule = (name: string) => object;
const policies =
  (make: (name: string) => object): Rule =>
  (name) => ({ respond: {}, policies: [make(name)] });

function errorsOf(rule: object): readonly string[] {
  const result = validators.validate('GatewayRoute', {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name: 'a' },
    // Defaults are written into what is given.
    spec: structuredClone({ rules: [rule] }),
  });
  return result.ok ? [] : result.errors.map(({ fieldPath, message }) => `${fieldPath}: ${message}`);
}

const OF_REQUESTS: Readonly<Record<string, Rule>> = {
  'jwt claimsToHeaders': policies((header) => ({
    jwt: { keys: KEYS, claimsToHeaders: [{ claim: 'sub', header }] },
  })),
  'jwt from': policies((name) => ({ jwt: { keys: KEYS, from: [{ header: { name } }] } })),
  'apiKey from': policies((header) => ({ apiKey: { from: [{ header }] } })),
  'introspection from': policies((name) => ({
    introspection: { url: 'https://a', client: { id: 'a', ...SECRET }, from: [{ header: { name } }] },
  })),
  'identityHeaders user': policies((user) => ({ identityHeaders: { user } })),
  'identityHeaders claims': policies((header) => ({
    identityHeaders: { claims: [{ claim: 'sub', header }] },
  })),
  'externalAuthorization upstreamHeaders': policies((name) => ({
    externalAuthorization: { url: 'http://a', upstreamHeaders: [name] },
  })),
  'oidc idTokenHeader': policies((idTokenHeader) => ({
    oidc: {
      issuer: 'https://id.example.com',
      client: { id: 'a', ...SECRET },
      session: SECRET,
      upstream: { idTokenHeader },
    },
  })),
  'requestHeaders set': policies((name) => ({ requestHeaders: { set: [{ name, value: '5' }] } })),
  'requestHeaders remove': policies((name) => ({ requestHeaders: { remove: [name] } })),
};

const OF_ANSWERS: Readonly<Record<string, Rule>> = {
  respond: (name) => ({ respond: { headers: [{ name, value: '5' }] } }),
  'externalAuthorization clientHeaders': policies((name) => ({
    externalAuthorization: { url: 'http://a', clientHeaders: [name] },
  })),
  'rateLimit costResponseHeader': policies((costResponseHeader) => ({
    rateLimit: { limits: [{ ...LIMIT, costResponseHeader }] },
  })),
  'responseHeaders set': policies((name) => ({ responseHeaders: { set: [{ name, value: '5' }] } })),
};

const FRAMING = ['Content-Length', 'transfer-encoding', 'Content_Length', 'Connection', 'Upgrade'];

describe.each(Object.entries({ ...OF_REQUESTS, ...OF_ANSWERS }))('%s', (_, rule) => {
  test('takes a name that means nothing to a codec', () => {
    expect(errorsOf(rule('X-Whatever'))).toEqual([]);
  });

  test.each(FRAMING)('refuses %s', (name) => {
    // One that has a rule against the underscore itself says that.
    expect(errorsOf(rule(name)).join()).toMatch(/belongs to (the|one) connection|write - in place of _/);
  });
});

test.each(Object.entries(OF_REQUESTS))('%s: neither Host nor what the gateway says of clients', (_, rule) => {
  expect(errorsOf(rule('Host')).join()).toContain('Host is not changed here');
  expect(errorsOf(rule('x-forwarded-for')).join()).toContain("is the gateway's own");
});

test('the answers of a rule have none that the gateway writes, and no text that a header can not hold', () => {
  const respond = (name: string, value: string) => errorsOf({ respond: { headers: [{ name, value }] } });
  expect(respond('Date', 'x').join()).toContain("is the gateway's own");
  for (const value of ['a\r\nX: b', 'a\u010aX: b', '\u20ac', 'a\u0001', 'a\u007f']) {
    expect(respond('X-A', value).join(), JSON.stringify(value)).toContain('no line breaks');
  }
  expect(respond('X-A', '')).toEqual([]);
  expect(respond('X-A', 'caf\u00e9\tb')).toEqual([]);
});

test.each(['basic', 'apiKey', 'jwt', 'introspection'])('the realm of %s fits into a header', (name) => {
  const more = {
    jwt: { keys: KEYS },
    introspection: { url: 'https://a', client: { id: 'a', ...SECRET } },
  };
  const config = (more as Record<string, object>)[name] ?? {};
  const told = (realm: string) => errorsOf({ respond: {}, policies: [{ [name]: { ...config, realm } }] });
  expect(told('staff "of" the shop')).toEqual([]);
  expect(told('a\u010ab').join()).toContain('printable ASCII');
});
