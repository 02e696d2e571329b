import fc from 'fast-check';
import { dump } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { locateInYaml, parseYaml } from './yaml.ts';

const TEXT = `---
spec:
  hosts: [a, "b", 'c']   # hosts
  rules:
  - name: one
    "quoted key": 1
  - &anchor
    name: two
  - *anchor
`;

describe('locateInYaml', () => {
  test.each<[(string | number)[], number, number]>([
    [[], 2, 1],
    [['spec'], 2, 1],
    [['spec', 'hosts'], 3, 3],
    [['spec', 'hosts', 0], 3, 11],
    [['spec', 'hosts', 1], 3, 14],
    [['spec', 'hosts', 2], 3, 19],
    [['spec', 'rules', 0], 5, 5],
    [['spec', 'rules', 0, 'quoted key'], 6, 5],
    [['spec', 'rules', 1, 'name'], 8, 5],
    [['spec', 'rules', 2], 9, 5],
    [['spec', 'rules', 0, 'missing', 'deeper'], 5, 5],
    [['spec', 'rules', 9], 4, 3],
    [['spec', 'hosts', 'x'], 3, 3],
  ])('%j', (steps, line, column) => {
    expect(locateInYaml(TEXT, steps)).toEqual({ line, column });
  });

  test('finds every scalar of any document where its text is', () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.stringMatching(/^[a-z]{3,9}$/),
        fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z ]{1,6}$/), tie('node'), { minKeys: 1, maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(value, fc.integer({ min: -1, max: 4 }), (root, flowLevel) => {
        const text = dump(root, { flowLevel, noRefs: true } as object);
        const lines = text.split('\n');
        const visit = (node: unknown, steps: (string | number)[], key: string | null): void => {
          const { line, column } = locateInYaml(text, steps);
          const here = lines[line - 1]!.slice(column - 1);
          if (key !== null) expect(here.replace(/^["']/, '').startsWith(key)).toBe(true);
          else if (typeof node === 'string') expect(here.replace(/^["']/, '').startsWith(node)).toBe(true);
          if (Array.isArray(node))
            for (const [index, item] of node.entries()) visit(item, [...steps, index], null);
          else if (typeof node === 'object' && node !== null) {
            for (const [name, child] of Object.entries(node)) visit(child, [...steps, name], name);
          }
        };
        visit(root, [], null);
      }),
    );
  });
});

describe('parseYaml', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
    .join('\n')}`;

  test.each<[string, string, RegExp, number]>([
    ['a fault', 'a: 1\nb: [1,\n', /indentation/, 3],
    ['one key twice', 'a: 1\na: 2\n', /duplicated/, 2],
    ['aliases that multiply', bomb, /aliases stand for more/, 1],
    ['an alias inside its own anchor', 'a: &a [*a]', /aliases stand for more/, 1],
    ['many aliases', `a: &a 1\nb: [${'*a,'.repeat(300)}]`, /alias/i, 2],
    ['an alias of nothing', 'a: *b', /alias/, 1],
    ['deep nesting', '['.repeat(5000), /./, 1],
    ['a tag that makes an object', 'a: !!js/function x', /tag/, 1],
  ])('refuses %s', (_, text, message, line) => {
    const result = parseYaml(text);
    expect(result.ok).toBe(false);
    if (!result.ok) {
      expect(result.message).toMatch(message);
      expect(result.position.line).toBe(line);
    }
  });

  test.each<[string, unknown]>([
    ['on: [off, yes, y]', { on: ['off', 'yes', 'y'] }],
    ['a: &x { b: 1 }\nc: { <<: *x, d: 2 }', { a: { b: 1 }, c: { b: 1, d: 2 } }],
    ['{"a":\t[1, "\\u00e9\\/"]}', { a: [1, 'é/'] }],
    ['# only', null],
  ])('%s', (text, value) => {
    expect(parseYaml(text)).toEqual({ ok: true, value });
  });

  test('a key named __proto__ is a key like any other', () => {
    const result = parseYaml('__proto__: { admin: true }');
    expect(result.ok && Object.keys(result.value as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test('never throws', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '|',
      '"',
      "'",
      '#',
      '!',
      '?',
      '%',
      '\t',
      ',',
      '<<',
      '\0',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.oneof(fc.nat(3), fc.constant('a'))),
        (pieces, steps) => {
          const text = pieces.join('');
          parseYaml(text);
          locateInYaml(text, steps);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
