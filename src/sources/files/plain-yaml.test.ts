import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOT_PLAIN, readPlainYaml } from './plain-yaml.ts';
import { splitDocuments } from './split.ts';
import { parseYamlInFull } from './yaml.ts';

/** What it reads is what the full parser reads; what the full parser refuses it does not read. */
function expectSame(text: string): void {
  const value = readPlainYaml(text);
  if (value !== NOT_PLAIN) expect({ text, ok: true, value }).toEqual({ text, ...parseYamlInFull(text) });
}

const EXAMPLES = readdirSync('examples', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .flatMap((path) => splitDocuments(readFileSync(`examples/${path}`, 'utf8')))
  .map(({ text }) => text);

const ROUTE = `---
# A route.
apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: r0-1, namespace: default, labels: {} }
spec:
  hosts: [r0-1.test, "*.test", 'a b']  # all of them

  rules:
  - matches: [{ path: { prefix: /r0 }, methods: [GET, HEAD] }]
    respond: { status: 200, body: first }
  - name: all of it # not this
    timeouts:
      request: 10s
    backends:
      - addresses: ["127.0.0.1:9001"]
        weight: 1
      -   url: http://a.test/x#y
    retry:
    mirror: null
`;

test('reads a route as people write them', () => {
  const value = readPlainYaml(ROUTE);
  expect(value).toEqual({
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name: 'r0-1', namespace: 'default', labels: {} },
    spec: {
      hosts: ['r0-1.test', '*.test', 'a b'],
      rules: [
        {
          matches: [{ path: { prefix: '/r0' }, methods: ['GET', 'HEAD'] }],
          respond: { status: 200, body: 'first' },
        },
        {
          name: 'all of it',
          timeouts: { request: '10s' },
          backends: [{ addresses: ['127.0.0.1:9001'], weight: 1 }, { url: 'http://a.test/x#y' }],
          retry: null,
          mirror: null,
        },
      ],
    },
  });
  expectSame(ROUTE);
});

test.each([
  'null',
  'Null',
  'NULL',
  'true',
  'True',
  'TRUE',
  'false',
  'False',
  'FALSE',
  'nULL',
  'yes',
  'Off',
  'NaN',
])('%s means what it means to the full parser', (word) => {
  for (const text of [`a: ${word}\n`, `a: [${word}, b]\n`]) {
    expect({ ok: true, value: readPlainYaml(text) }).toEqual(parseYamlInFull(text));
  }
  expectSame(`${word}: a\n`);
});

test('most of the examples are plain', () => {
  const plain = EXAMPLES.filter((text) => readPlainYaml(text) !== NOT_PLAIN);
  for (const text of EXAMPLES) expectSame(text);
  expect(plain.length).toBeGreaterThan(EXAMPLES.length / 2);
});

test.each([
  ...['', '---\n', 'a', '- a\n', ' a: 1\n', 'a:1\n', 'a: 1\n b: 2\n', 'a: b\n  c\n', 'a: b: c\n', 'a: b:\n'],
  ...['a: 1\na: 2\n', 'true: 1\n', '1: 2\n', '__proto__: 1\n', '<<: {}\n', 'a: <<\n', 'a: =\n', '? a\n: b\n'],
  ...['a: |\n  x\n', 'a: >\n  x\n', 'a: &x 1\n', 'a: *x\n', 'a: !!str 1\n', 'a: @x\n', 'a: `x\n', 'a: %x\n'],
  ...[
    'a: 0x1f\n',
    'a: 0o7\n',
    'a: 1e3\n',
    'a: -1\n',
    'a: +1\n',
    'a: .5\n',
    'a: 1.5\n',
    'a: .inf\n',
    'a: 007\n',
  ],
  ...['a: ~\n', 'a: 1_000\n', 'a: 12345678901234567890\n', 'a: "x\\n"\n', "a: 'it''s'\n", 'a: "x\n  y"\n'],
  ...['a: [b,]\n', 'a: [,]\n', 'a: [b\n', 'a: [b]]\n', 'a: {b}\n', 'a: {b:c}\n', 'a: {b: }\n', 'a: [b: c]\n'],
  ...[
    'a: [b c]\n',
    'a: {"b": c}\n',
    'a: [\n b]\n',
    'a: {b: 1, b: 2}\n',
    'a: [b] c\n',
    'a: "b" c\n',
    'a: [b]#c\n',
  ],
  ...[
    'a:\n- b\n - c\n',
    'a:\n  - b\n  c: d\n',
    'a:\n-\n',
    'a:\n- - b\n',
    'a:\n  b: 1\n c: 2\n',
    'a: 1\n- b\n',
  ],
  ...['a: \tb\n', '\ta: b\n', 'a: b\r\n', 'a: \u00e9\n', 'a: b\n...\n', 'a: b\n--- \n', 'a: b\n---\nc: d\n'],
  ...[
    `a: ${'['.repeat(30)}${']'.repeat(30)}\n`,
    '%YAML 1.2\n---\na: b\n',
    '--- a: b\n',
    'a : b\n',
    '"a": b\n',
  ],
])('%j is left to the full parser', (text) => {
  expect(readPlainYaml(text)).toBe(NOT_PLAIN);
});

describe('agrees with the full parser', () => {
  const WORDS = [
    ...[
      'a',
      'b',
      'key',
      'null',
      'True',
      'no',
      'on',
      '1',
      '0',
      '10',
      '01',
      '1.5',
      '1e3',
      '0x1',
      '1:30',
      '10s',
      '.5',
      '-1',
      '+1',
    ],
    ...[
      '~',
      '<<',
      '=',
      '/a',
      '/',
      '*.a',
      'a#b',
      'a:b',
      'a/b.c-d_e',
      '127.0.0.1:80',
      '2026-01-01',
      '"a b"',
      "'a'",
      '""',
      "''",
    ],
    ...[
      "'it''s'",
      '"\\n"',
      '"a',
      '|',
      '>-',
      '&x',
      '*x',
      '!t',
      '%d',
      '@',
      '`',
      '- a',
      '- - a',
      '-',
      '?',
      ':',
      ',',
      '[',
      ']',
      '{',
      '}',
    ],
    ...[
      '[]',
      '{}',
      '[a, b]',
      '[a,b]',
      '[ a ]',
      '{a: b}',
      '{ a: b, c: 1 }',
      '{a:b}',
      '{a}',
      '[a: b]',
      '[[a], {b: [c]}]',
      '[a, ]',
    ],
    ...[
      'a: b',
      'a:',
      'a: {b: c}',
      'constructor: 1',
      '# c',
      'a # c',
      '$a',
      '(a)',
      '^a',
      '_a',
      'A',
      'é',
      '__proto__: 1',
      'a?b',
      'a!',
    ],
  ];
  const word = fc.constantFrom(...WORDS);
  const key = fc.constantFrom('a', 'b', 'c', 'key', 'a.b/c', 'null', '1', '"q"', 'a b');
  const line = fc
    .record({
      indent: fc.nat(6),
      dash: fc.constantFrom('', '', '- ', '-   ', '-'),
      key: fc.option(key),
      colon: fc.constantFrom(': ', ': ', ':', ' : ', ':   '),
      value: fc.oneof(
        fc.constant(''),
        word,
        fc.tuple(word, word).map((two) => two.join(' ')),
      ),
      end: fc.constantFrom('', '', '', ' ', ' # c', '#c', '\n', '\n  ', '\n# c'),
    })
    .map(({ indent, dash, key: name, colon, value, end }) => {
      return `${' '.repeat(indent)}${dash}${name === null ? '' : name + colon}${value}${end}`;
    });

  test('on lines of all kinds', () => {
    const document = fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'));
    fc.assert(fc.property(document, expectSame), { numRuns: 4000 });
  });

  test('on documents that nest as they should', () => {
    const scalar = fc.oneof(word, fc.constantFrom('a', '1', '/x', '"a"', '[a, 1]', '{ a: 1 }'));
    const { node } = fc.letrec<{ node: string[] }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        fc
          .array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), scalar), { minLength: 1, maxLength: 3 })
          .map((fields) => fields.map(([name, value]) => `${name}: ${value}`)),
        fc
          .tuple(tie('node'), fc.nat(2), fc.constantFrom('x', 'y'))
          .map(([child, indent, name]) => [
            `${name}:`,
            ...child.map((text) => ' '.repeat(indent + 1) + text),
            'z: 1',
          ]),
        fc
          .tuple(fc.array(tie('node'), { minLength: 1, maxLength: 2 }), fc.boolean())
          .map(([items, indented]) => [
            'list:',
            ...items.flatMap(([first, ...rest]) =>
              [`- ${first}`, ...rest.map((text) => `  ${text}`)].map((text) =>
                indented ? `  ${text}` : text,
              ),
            ),
          ]),
      ),
    }));
    const plain = { count: 0 };
    fc.assert(
      fc.property(node, (lines) => {
        const text = `${lines.join('\n')}\n`;
        if (readPlainYaml(text) !== NOT_PLAIN) plain.count += 1;
        expectSame(text);
      }),
      { numRuns: 2000 },
    );
    expect(plain.count).toBeGreaterThan(100);
  });

  test('on examples with a flaw', () => {
    const piece = fc.constantFrom(
      ...' \n-:#,[]{}\'"&*!|>?%@~<=01.eatx'.split(''),
      '\n  ',
      ': ',
      ' #',
      '- ',
      '\t',
      '---\n',
      'é',
    );
    const texts = [ROUTE, ...EXAMPLES.filter((text) => readPlainYaml(text) !== NOT_PLAIN)];
    const flaw = fc.record({ text: fc.constantFrom(...texts), at: fc.nat(1_000_000), cut: fc.nat(4), piece });
    fc.assert(
      fc.property(flaw, ({ text, at, cut, piece: added }) => {
        const place = at % (text.length + 1);
        expectSame(text.slice(0, place) + added + text.slice(place + cut));
      }),
      { numRuns: 4000 },
    );
  });
});
