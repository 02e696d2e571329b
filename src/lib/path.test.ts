import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalizePath, pathRefusal } from './path.ts';

test.each([
  ['/', '/'],
  ['/a/b', '/a/b'],
  ['/a/b/', '/a/b/'],
  ["/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
  ['/public/../admin', '/admin'],
  ['/public/%2e%2e/admin', '/admin'],
  ['/public/.%2E/admin', '/admin'],
  ['/a/./b', '/a/b'],
  ['/a/%2e/b', '/a/b'],
  ['/a/b/..', '/a/'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/.', '/'],
  ['//admin', '/admin'],
  ['/a///b//', '/a/b/'],
  ['//', '/'],
  ['/a//../b', '/b'],
  ['/%61%2D%5f%7e', '/a-_~'],
  ['/%3b%3d%40%20%25', '/%3B%3D%40%20%25'],
  ['/a%23b%3fc', '/a%23b%3Fc'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/%f0%9f%98%80', '/%F0%9F%98%80'],
  ['/a|b[c]{d}', '/a%7Cb%5Bc%5D%7Bd%7D'],
  ['/a;v=1/b', '/a;v=1/b'],
  ['/a;/b', '/a;/b'],
  ['/...', '/...'],
  ['/.well-known/x', '/.well-known/x'],
  ['/..a/.b', '/..a/.b'],
  ['/%2541', '/%2541'],
  ['/api../admin', '/api../admin'],
])('%s is written %s', (raw, expected) => {
  expect(normalizePath(raw)).toBe(expected);
  expect(pathRefusal(raw)).toBe(null);
});

test.each([
  ['', 'begin with /'],
  ['*', 'begin with /'],
  ['a/b', 'begin with /'],
  ['/a b', 'must be percent-encoded'],
  ['/a\tb', 'must be percent-encoded'],
  ['/a\0', 'must be percent-encoded'],
  ['/a\x7f', 'must be percent-encoded'],
  ['/a?b', 'must be percent-encoded'],
  ['/a#b', 'must be percent-encoded'],
  ['/caf\u00e9', 'must be percent-encoded'],
  ['/\ud83d\ude00', 'must be percent-encoded'],
  ['/a\\..\\b', 'backslash'],
  ['/a%5c..', 'encoded slash or backslash'],
  ['/a%5Cb', 'encoded slash or backslash'],
  ['/..%2fadmin', 'encoded slash or backslash'],
  ['/a%2Fb', 'encoded slash or backslash'],
  ['/a%00', 'control'],
  ['/a%0d%0ab', 'control'],
  ['/a%1f', 'control'],
  ['/a%7F', 'control'],
  ['/a%', 'two hexadecimal digits'],
  ['/a%4', 'two hexadecimal digits'],
  ['/a%4g', 'two hexadecimal digits'],
  ['/a%%41', 'two hexadecimal digits'],
  ['/a%u002e', 'two hexadecimal digits'],
  ['/%c0%ae%c0%ae/', 'UTF-8'],
  ['/%c0%af', 'UTF-8'],
  ['/%c1%9c', 'UTF-8'],
  ['/%e0%80%ae', 'UTF-8'],
  ['/%f0%80%80%ae', 'UTF-8'],
  ['/%ed%a0%80', 'UTF-8'],
  ['/%f4%90%80%80', 'UTF-8'],
  ['/%f5%80%80%80', 'UTF-8'],
  ['/%ff', 'UTF-8'],
  ['/%80', 'UTF-8'],
  ['/%c3', 'UTF-8'],
  ['/%c3a', 'UTF-8'],
  ['/%e2%82', 'UTF-8'],
  ['/%e2%82/%ac', 'UTF-8'],
  ['/%252e%252e/admin', 'encoded twice'],
  ['/a%252Fb', 'encoded twice'],
  ['/a%255cb', 'encoded twice'],
  ['/a%2500', 'encoded twice'],
  ['/a%25252e', 'encoded twice'],
  ['/a%25%32%65', 'encoded twice'],
  ['/a%252%65', 'encoded twice'],
  ['/..', 'above its root'],
  ['/../a', 'above its root'],
  ['/a/../../b', 'above its root'],
  ['/a//../../b', 'above its root'],
  ['/%2e%2e/a', 'above its root'],
  ['/a/..;/b', '; parameters'],
  ['/a/..;x=1/b', '; parameters'],
  ['/a/.;/b', '; parameters'],
  ['/a/%2e%2e%3b/b', '; parameters'],
])('%j is refused', (raw, reason) => {
  expect(normalizePath(raw)).toBe(null);
  expect(pathRefusal(raw)?.reason).toContain(reason);
});

/** The rules one after the other, each over the whole path, bytes by Node's own decoder. */
function model(raw: string): string | null {
  if (!raw.startsWith('/') || /[^!-~]|[\\?#]/.test(raw) || /%(?![0-9a-f]{2})/i.test(raw)) return null;
  if (/%(?:2f|5c|[01].|7f)/i.test(raw)) return null;
  try {
    decodeURIComponent(raw);
  } catch {
    return null;
  }
  let path = raw.replace(/%../g, (code) => {
    const char = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(char) ? char : code.toUpperCase();
  });
  path = path.replace(/["<>[\]^`{|}]/g, (char) => encodeURIComponent(char));
  if (/%25(25)*(2e|2f|5c|00)/i.test(path)) return null;
  path = path.replace(/\/+/g, '/');
  if (/\/\.\.?(;|%3B)/.test(path)) return null;
  for (;;) {
    const before = path;
    path = path.replace(/\/\.(\/|$)/, '/');
    path = path.replace(/^((?:\/(?!\.\.?(?:\/|$))[^/]+)*?)\/(?!\.\.?(?:\/|$))[^/]+\/\.\.(\/|$)/, '$1/');
    if (path === before) return /^\/\.\.(\/|$)/.test(path) ? null : path;
  }
}

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '/',
      '.',
      '..',
      '/..',
      '/.',
      '//',
      'a',
      'b',
      ';',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%00',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '%25',
      '25',
      '2e',
      '%',
      '%c3%a9',
      '%c0%ae',
      '%e2%82%ac',
      '%c3',
      '%a9',
      '%3b',
      '|',
      '{',
    ),
  },
  { weight: 1, arbitrary: fc.nat(255).map((byte) => `%${byte.toString(16).padStart(2, '0')}`) },
  { weight: 1, arbitrary: fc.nat(300).map((code) => String.fromCharCode(code)) },
);
const rawPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
/** No piece that is refused by itself, so that most paths get as far as their dot segments. */
const dotPath = fc
  .array(fc.constantFrom('/', 'a', 'b', '.', '..', '/a', '/..', '/%2e', ';'), { maxLength: 14 })
  .map((pieces) => `/${pieces.join('')}`);

test('does what the rules say, one by one', () => {
  for (const paths of [rawPath, dotPath]) {
    fc.assert(
      fc.property(paths, (raw) => {
        expect(normalizePath(raw)).toBe(model(raw));
      }),
      { numRuns: 3000 },
    );
  }
});

test('a normalised path is its own normal form, and has nothing left to interpret', () => {
  fc.assert(
    fc.property(fc.oneof(rawPath, dotPath), (raw) => {
      const path = normalizePath(raw);
      expect(path === null).toBe(pathRefusal(raw) !== null);
      if (path === null) return;
      expect(normalizePath(path)).toBe(path);
      expect(path).not.toMatch(/\/\/|\/\.\.?(?:\/|;|$)|%2e|%2f|%5c|%00|\\|[^!-~]/i);
      expect(decodeURIComponent(path)).not.toMatch(/\/\.\.(?:\/|$)|\\|\0/);
    }),
    { numRuns: 3000 },
  );
});
