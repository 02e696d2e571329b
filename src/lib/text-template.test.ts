// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileTextTemplate } from './text-template.ts';

const compile = (text: string) =>
  compileTextTemplate<{ id: string }>(text, (name) => (name === 'id' ? ({ id }) => id : null), '${id}');

test.each([
  ['', ''],
  ['plain $ text }', 'plain $ text }'],
  ['${id}', '7'],
  ['a${id}b${id}c', 'a7b7c'],
  ['$${id}', '${id}'],
  ['$$${id}', '$${id}'],
  ['$${${id}}', '${7}'],
])('%j renders %j', (text, rendered) => {
  expect(compile(text).render({ id: '7' })).toBe(rendered);
});

test('a text without variables is constant', () => {
  expect(compile('a $${id}').constant).toBe('a ${id}');
  expect(compile('a ${id}').constant).toBeNull();
});

test.each([
  ['${nope}', 'there is no variable ${nope}; known are ${id}'],
  ['${}', 'there is no variable ${}'],
  ['ab ${id', 'the "${" at character 4 has no end'],
  ['${${id}}', 'the "${" at character 1 has no end'],
])('%j is refused', (text, message) => {
  expect(() => compile(text)).toThrow(message);
});

const textWithTokens = fc
  .array(fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('${', '$', '{', '}', '${id}')), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

test('every text can be written', () => {
  fc.assert(
    fc.property(textWithTokens, (text) => {
      // Without `$$${`, which is read from the left.
      fc.pre(!/\$\$\{/.test(text));
      // A function: in a replacement text `$$` would be one `$`.
      expect(compile(text.replaceAll('${', () => '$${')).constant).toBe(text);
    }),
  );
});
