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

/** Mostly what fits; now and then something that does not. */
function mostly(good: fc.Arbitrary<unknown>, ...bad: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 60, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
}

/** Values for {@link part} of that depth. */
function partValue(depth: number): fc.Arbitrary<unknown> {
  const below = depth === 0 ? fc.boolean() : partValue(depth - 1);
  return mostly(
    fc.record(
      {
        count: mostly(fc.nat(5), -1, 6, '1'),
        text: mostly(fc.constantFrom('a', 'abc'), '', 'abcd', 1),
        mode: mostly(fc.constantFrom('a', 'b'), 'c'),
        below: mostly(below, 'x', { unknown: 1 }),
        list: mostly(fc.array(below, { maxLength: 2 }), [1, 2, 3], [{ text: '' }]),
        either: mostly(fc.constantFrom(true, { text: 'x' }), {}, 1),
      },
      { requiredKeys: [] },
    ),
    null,
    { unknown: 1 },
  );
}

test('says what the schema says as a whole, and fills in the same defaults', () => {
  const ajv = new Ajv({ ...AJV_OPTIONS });
  addKeywords(ajv, true);
  const whole = ajv.compile(schema);
  const verdict = createVerdict(schema);
  const seen = { good: 0, bad: 0 };
  const root = fc.record(
    {
      one: partValue(2),
      named: fc.dictionary(fc.constantFrom('x', 'y'), partValue(0)),
      many: mostly(fc.array(partValue(1), { minLength: 1, maxLength: 2 }), []),
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
      seen[fits ? 'good' : 'bad']++;
    }),
    { numRuns: 2000, examples: [[{ one: {} }], [{ one: { below: { below: {} } } }], [{}]] },
  );
  // Either kind often enough that a difference would show.
  expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(200);
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
