import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { describeOnce } from './compact.ts';
import { type StructuralSchema, toStructural } from './structural.ts';

const text = (description: string) => Type.Optional(Type.String({ description }));
const fields = (name: string) => ({
  a: text('One.'),
  b: text('Two.'),
  c: text('Three.'),
  d: text(`${name}.`),
});
const limits = (description: string) => Type.Optional(Type.Object(fields('Four'), { description }));

function described(properties: Parameters<typeof Type.Object>[0]): StructuralSchema['properties'] {
  const root = toStructural(Type.Object(properties));
  describeOnce(root, 'kind');
  return root.properties;
}

const descriptions = ({ properties }: StructuralSchema) =>
  Object.values(properties ?? {}).map(({ description }) => description);

test('a part that comes again keeps its own description and says where its fields are', () => {
  const { outer, inner } = described({
    // Deeper, though it comes before.
    outer: Type.Object({ deep: limits('Deep down.') }, { description: 'Outer.' }),
    inner: limits('Up here.'),
  })!;
  expect(descriptions(inner!)).toEqual(['One.', 'Two.', 'Three.', 'Four.']);
  expect(inner!.description).toBe('Up here.');
  const { deep } = outer!.properties!;
  expect([deep!.description, descriptions(deep!)]).toEqual([
    'Deep down. Its fields: kubectl explain kind.inner',
    [undefined, undefined, undefined, undefined],
  ]);
});

test('a part with a field more says where the others are, and keeps what differs', () => {
  const more = Type.Object({ ...fields('Four'), e: text('Five.') }, { description: 'More.' });
  const { list } = described({ first: limits('First.'), list: Type.Array(more, { description: 'List.' }) })!;
  expect([list!.items!.description, descriptions(list!.items!)]).toEqual([
    'More. Its fields: kubectl explain kind.first',
    [undefined, undefined, undefined, undefined, 'Five.'],
  ]);
});

test('parts that differ in what they take, or are small, keep theirs', () => {
  const small = (maxLength: number) =>
    Type.Object({ a: Type.String({ description: 'One.', maxLength }) }, { description: 'Small.' });
  const { one, two } = described({ one: small(1), two: small(2) })!;
  expect([descriptions(one!), descriptions(two!)]).toEqual([['One.'], ['One.']]);
  const again = described({ one: small(1), two: small(1) })!.two!;
  expect([again.description, descriptions(again)]).toEqual(['Small.', [undefined]]);
});
