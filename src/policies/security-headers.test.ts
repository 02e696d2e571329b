import { expect, test } from 'vitest';
import { securityHeaders } from './security-headers.ts';
import { bindPolicies, exchange, type TestRequest } from './testing.ts';

const HSTS = 'strict-transport-security';

test('the defaults are on every answer, and HSTS is not', async () => {
  const { lines } = await exchange(bindPolicies([securityHeaders, {}]), { scheme: 'https' });
  expect(lines).toEqual([
    'x-content-type-options: nosniff',
    'x-frame-options: SAMEORIGIN',
    'referrer-policy: strict-origin-when-cross-origin',
  ]);
});

test('everything that is asked for is there, none is left out', async () => {
  const rule = bindPolicies([
    securityHeaders,
    {
      contentTypeOptions: 'none',
      frameOptions: 'DENY',
      referrerPolicy: 'none',
      contentSecurityPolicy: "default-src 'self'",
      contentSecurityPolicyReportOnly: "script-src 'none'",
      permissionsPolicy: 'camera=()',
      crossOriginOpenerPolicy: 'same-origin',
      crossOriginEmbedderPolicy: 'require-corp',
      crossOriginResourcePolicy: 'same-site',
    },
  ]);
  expect((await exchange(rule)).lines).toEqual([
    'x-frame-options: DENY',
    "content-security-policy: default-src 'self'",
    "content-security-policy-report-only: script-src 'none'",
    'permissions-policy: camera=()',
    'cross-origin-opener-policy: same-origin',
    'cross-origin-embedder-policy: require-corp',
    'cross-origin-resource-policy: same-site',
  ]);
});

test("the backend's own values stay, unless they are overridden", async () => {
  const answer = { lines: ['X-Frame-Options: DENY', "Content-Security-Policy: default-src 'none'"] };
  const config = { contentSecurityPolicy: "default-src 'self'" };
  const kept = await exchange(bindPolicies([securityHeaders, config]), {}, answer);
  expect([kept.header('x-frame-options'), kept.header('content-security-policy')]).toEqual([
    'DENY',
    "default-src 'none'",
  ]);
  const forced = await exchange(bindPolicies([securityHeaders, { ...config, override: true }]), {}, answer);
  expect([forced.header('x-frame-options'), forced.header('content-security-policy')]).toEqual([
    'SAMEORIGIN',
    "default-src 'self'",
  ]);
});

test.each<[string, TestRequest, boolean]>([
  ['by HTTPS', { scheme: 'https' }, true],
  ['by HTTP', {}, false],
  ['by HTTPS to a trusted proxy', { trusted: true, lines: ['X-Forwarded-Proto: https'] }, true],
  ['by HTTP to a trusted proxy', { trusted: true, lines: ['X-Forwarded-Proto: http'] }, false],
  ['from a client that claims HTTPS', { lines: ['X-Forwarded-Proto: https'] }, false],
])('HSTS %s: %s', async (_, request, sent) => {
  const rule = bindPolicies([securityHeaders, { hsts: {} }]);
  expect((await exchange(rule, request)).header(HSTS)).toBe(sent ? 'max-age=31536000' : null);
});

test("HSTS of the backend doesn't go out on plain HTTP", async () => {
  const rule = bindPolicies([securityHeaders, { hsts: {} }]);
  const answer = { lines: ['Strict-Transport-Security: max-age=1'] };
  expect((await exchange(rule, {}, answer)).header(HSTS)).toBeNull();
  expect((await exchange(rule, { scheme: 'https' }, answer)).header(HSTS)).toBe('max-age=1');
});

test('HSTS with everything', async () => {
  const rule = bindPolicies([
    securityHeaders,
    { hsts: { maxAge: '17520h', includeSubDomains: true, preload: true } },
  ]);
  const outcome = await exchange(rule, { scheme: 'https' });
  expect(outcome.header(HSTS)).toBe('max-age=63072000; includeSubDomains; preload');
});

test.each([
  [{ hsts: { preload: true } }, 'preload needs includeSubDomains'],
  [{ hsts: { preload: true, includeSubDomains: true, maxAge: '24h' } }, 'a maxAge of a year'],
  [{ contentSecurityPolicy: 'a\r\nX: y' }, 'on one line'],
  [{ frameOptions: 'SAMEORIGN' }, 'did you mean "SAMEORIGIN"?'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([securityHeaders, config])).toThrow(message);
});
