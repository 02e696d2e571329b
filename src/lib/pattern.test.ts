// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of substitutions
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern, compileSubstitution, PatternError } from './pattern.ts';

test.each([
  ['/a|/ab', '/ab', true],
  ['a', 'ba', false],
  ['a', 'ab', false],
  ['', '', true],
  ['/v[0-9]+/.*', '/v12/x/y', true],
  ['(?i)/users', '/USERS', true],
  ['^/a$', '/a', true],
  ['/\\d+', '/7', true],
  ['.', '\u{1f600}', true],
])('%s takes the whole of %s: %s', (source, text, expected) => {
  expect(compilePattern(source).test(text)).toBe(expected);
  expect(compilePattern(source).groups(text) !== null).toBe(expected);
});

test.each([
  ['[invalid', /"\[invalid" is not valid RE2 syntax \(missing closing \]/],
  ['(a', /missing closing \)/],
  ['a(?=b)', /look-around/],
  ['(a)\\1', /back-references/],
  ['x'.repeat(10_240), /has 10240 bytes, at most 1024/],
  ['é'.repeat(513), /has 1026 bytes/],
  ['[a-z]{1000}b{5}', /too costly: \d+ instructions, at most 1000/],
  ['((a{100}){100}){100}', /invalid repeat count/],
])('%.20s is refused', (source, message) => {
  expect(() => compilePattern(source)).toThrow(PatternError);
  expect(() => compilePattern(source)).toThrow(message);
});

test('patterns that ruin a backtracking engine are harmless', () => {
  // With RegExp the first of these would outlive the universe; here the test's own time limit is the assertion.
  const text = `${'a'.repeat(8192)}!`;
  for (const source of ['(a+)+$', '(a|a)*b', '(a*)*b', '(.*a){30}b', '(a?){100}a{100}']) {
    const pattern = compilePattern(source);
    expect(pattern.test(text)).toBe(false);
    expect(pattern.groups(text)).toBe(null);
  }
});

test('agrees with RegExp where both mean the same', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    'a*',
    'b+',
    'a?',
    '(a|b)',
    '(ab)*',
    '(?:a|ba)',
    '\\w',
  );
  const source = fc.array(atom, { maxLength: 5 }).map((atoms) => atoms.join(''));
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }).map((chars) => chars.join(''));
  fc.assert(
    fc.property(source, text, (s, t) => {
      const expected = new RegExp(`^(?:${s})$`, 'u').exec(t);
      const pattern = compilePattern(s);
      expect(pattern.test(t)).toBe(expected !== null);
      expect(pattern.groups(t)?.length).toBe(expected?.length);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['/old/(.*)', '/new/$1', '/old/a/b', '/new/a/b'],
  ['/(\\w+)/(?P<id>\\d+)', '/${id}/$1', '/users/7', '/7/users'],
  ['/(\\w+)/(?<id>\\d+)', '/x${1}0/${2}', '/users/7', '/xusers0/7'],
  ['/a(b)?', '/c$1', '/a', '/c'],
  ['/a', '/$$1', '/a', '/$1'],
  ['/a', '$0$0', '/a', '/a/a'],
  ['/(a)', '/$1', '/$1', '/$1'],
  ['/(a)', '/x$1', '/b/a/a', '/b/xa/xa'],
  ['^/', '/v1/', '/a', '/v1/a'],
  ['/(.*)', '/$1', '/$1${x}$$', '/$1${x}$$'],
])('%s by %s makes of %s: %s', (source, substitution, text, expected) => {
  expect(compileSubstitution(compilePattern(source), substitution)(text)).toBe(expected);
});

test.each([
  ['/(a)', '/$2', /has \$2; the groups of "\/\(a\)" are \$0, \$1$/],
  ['/(?P<id>a)', '/${name}', /has \$name; .* are \$0, \$1, \$\{id\}$/],
  ['/a', '/$', /has a lone \$ \(write \$\$/],
  ['/a', '/${', /has a lone \$/],
])('%s by %s is refused', (source, substitution, message) => {
  expect(() => compileSubstitution(compilePattern(source), substitution)).toThrow(message);
});
