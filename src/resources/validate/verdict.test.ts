import { Ajv } from 'ajv';
import fc from 'fast-check';
import { type TSchema, Type } from 'typebox';
import { expect, test } from 'vitest';
import { addKeywords } from './keywords.ts';
import { AJV_OPTIONS } from './options.ts';
import { createVerdict } from './verdict.ts';

/** Large enough to be put off, wherever it stands. */
function part(depth: number): TSchema {
  const below = depth === 0 ? Type.Boolean() : part(depth - 1);
  return Type.Object(
    {
      count: Type.Optional(Type.Integer({ minimum: 0, maximum: 5, default: 3 })),
      text: Type.Optional(Type.String({ minLength: 1, maxLength: 3, default: 'no' })),
      mode: Type.Optional(Type.Enum(['a', 'b'])),
      below: Type.Optional({ ...below, default: depth === 0 ? true : { text: 'yes' } }),
      list: Type.Optional(Type.Array(below, { maxItems: 2 })),
      either: Type.Optional(Type.Union([Type.Object({ text: Type.String() }), Type.Boolean()])),
    },
    { additionalProperties: false },
  );
}

const schema: TSchema = Type.Object(
  {
    one: part(2),
    named: Type.Optional(Type.Record(Type.String({ pattern: '^.*$' }), part(0))),
    many: Type.Optional(Type.Array(part(1), { minItems: 1 })),
  },
  { additionalProperties: false },
);

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  part: fc.record(
    {
      count: fc.oneof({ weight: 9, arbitrary: fc.nat(5) }, fc.constantFrom(-1, 6, '1')),
      text: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('a', 'abc') }, fc.constantFrom('', 'abcd', 1)),
      mode: fc.oneof({ weight: 9, arbitrary: fc.constantFrom('a', 'b') }, fc.constant('c')),
      below: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.boolean(), tie('part')),
      list: fc.array(fc.oneof({ depthSize: 'small' }, fc.boolean(), tie('part')), { maxLength: 3 }),
      either: fc.oneof(fc.boolean(), fc.constantFrom({}, { text: 'x' })),
    },
    { requiredKeys: [] },
  ),
})).part;

test('says what the schema says as a whole, and fills in the same defaults', () => {
  const ajv = new Ajv({ ...AJV_OPTIONS });
  addKeywords(ajv, true);
  const whole = ajv.compile(schema);
  const verdict = createVerdict(schema);
  let good = 0;
  const root = fc.record(
    {
      one: value,
      named: fc.dictionary(fc.constantFrom('x', 'y'), value),
      many: fc.array(value, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(root, (object) => {
      const [expected, actual] = [structuredClone(object), structuredClone(object)];
      const fits = whole(expected);
      expect(verdict(actual)).toBe(fits);
      // Of a bad object nobody reads what was filled in.
      if (fits) expect(actual).toEqual(expected);
      if (fits) good++;
    }),
    { numRuns: 2000, examples: [[{ one: {} }], [{ one: { below: { below: {} } } }], [{}]] },
  );
  expect(good).toBeGreaterThan(2);
});

test('the default of a part is filled in, and what it holds', () => {
  const object = { one: {} };
  expect(createVerdict(schema)(object)).toBe(true);
  expect(object).toEqual({
    one: {
      count: 3,
      text: 'no',
      below: { text: 'yes', count: 3, below: { text: 'yes', count: 3, below: true } },
    },
  });
});
