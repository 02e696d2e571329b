import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileOrigins, originPatternProblem } from './origin.ts';

describe('an exact origin', () => {
  const test_ = compileOrigins([
    'https://good.example',
    'http://dev.example:8080',
    'https://port.example:443',
  ]);
  test.each([
    ['https://good.example', true],
    ['http://dev.example:8080', true],
    ['https://port.example', true],
    ['http://good.example', false],
    ['https://good.example:8443', false],
    ['https://good.example:443', false],
    ['https://good.example/', false],
    ['https://Good.example', false],
    ['https://good.example.evil.example', false],
    ['https://evilgood.example', false],
    ['https://a.good.example', false],
    ['https://good.example, https://evil.example', false],
    ['null', false],
    ['', false],
  ])('%s: %s', (origin, taken) => {
    expect(test_(origin)).toBe(taken);
  });
});

describe('a wildcard', () => {
  const test_ = compileOrigins(['https://*.good.example', 'http://*.dev.example:8080']);
  test.each([
    ['https://a.good.example', true],
    ['https://a.b.good.example', true],
    ['http://a.dev.example:8080', true],
    ['https://good.example', false],
    ['https://.good.example', false],
    ['https://a..good.example', false],
    ['https://evilgood.example', false],
    ['https://a.good.example.evil.example', false],
    ['https://evil.example/.good.example', false],
    ['https://evil.example#.good.example', false],
    ['https://evil.example?.good.example', false],
    ['https://evil.example\\.good.example', false],
    ['https://user@a.good.example', false],
    ['https://evil.example:1.good.example', false],
    ['https://a.good.example:8443', false],
    ['http://a.good.example', false],
    ['httpx://a.good.example', false],
    ['http://a.dev.example', false],
    ['https://', false],
    ['https://a.good.example\n', false],
  ])('%j: %s', (origin, taken) => {
    expect(test_(origin)).toBe(taken);
  });

  test('takes what an obvious reading of the origin takes', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,4}$/);
    const host = fc.array(fc.oneof(label, fc.constantFrom('good', 'example', '')), { maxLength: 5 });
    const scheme = fc.constantFrom('http', 'https', 'httpx', 'httpss');
    const port = fc.constantFrom('', ':8080', ':80');
    fc.assert(
      fc.property(scheme, host, port, (s, labels, p) => {
        const under = labels.at(-2) === 'good' && labels.at(-1) === 'example';
        const expected = s === 'https' && p === '' && under && labels.length > 2 && !labels.includes('');
        expect(test_(`${s}://${labels.join('.')}${p}`)).toBe(expected);
      }),
    );
  });
});

test('null and every origin are taken only where they are listed', () => {
  expect(compileOrigins(['null'])('null')).toBe(true);
  expect(compileOrigins(['*'])('https://anything.example')).toBe(true);
  expect(compileOrigins([])('null')).toBe(false);
});

test.each([
  'https://Shop.example',
  'https://a.example/',
  'a.example',
  'https://*',
  'https://a.*.example',
  'https://*.com',
  '',
])('%j is refused with advice', (pattern) => {
  expect(originPatternProblem(pattern)).toMatch(/https:\/\//);
  expect(() => compileOrigins([pattern])).toThrow();
});

test.each(['*', 'null', 'https://[::1]:8443', 'chrome-extension://abc', 'http://localhost:3000'])(
  '%s is taken',
  (pattern) => {
    expect(originPatternProblem(pattern)).toBeNull();
  },
);
