import { Ajv, type ValidateFunction } from 'ajv';
import type { DataValidateFunction } from 'ajv/dist/types/index.js';
import type { TSchema } from 'typebox';
import { addKeywords } from './keywords.ts';
import { AJV_OPTIONS } from './options.ts';

/** Whether a value fits; its defaults are filled in. Why it does not fit is for others to say. */
export type Verdict = (candidate: unknown) => boolean;

type SchemaNode = Readonly<Record<string, unknown>>;

/** Parts of a schema that are smaller are compiled along with what is around them. */
const MIN_PART_NODES = 12;
const LATER = 'x-later';

/**
 * Compiles a schema in parts, each when a value first comes to it: of all policies a gateway uses a few, and the code
 * of a schema as a whole is megabytes that take longer to make than ten thousand objects take to be checked.
 */
export function createVerdict(schema: TSchema): Verdict {
  const ajv = new Ajv({ ...AJV_OPTIONS, allErrors: false, verbose: false, messages: false });
  addKeywords(ajv, true);
  ajv.addKeyword({
    keyword: LATER,
    errors: false,
    compile: (part: SchemaNode): DataValidateFunction => {
      let check: ValidateFunction | undefined;
      return (data, context) => {
        check ??= ajv.compile(cutBelow(part));
        return check(data, context) as boolean;
      };
    },
  });
  return ajv.compile(cutBelow(schema as SchemaNode)) as Verdict;
}

/**
 * The schema with its large parts put off. Only where a part stands for itself: what is within `anyOf` and the like
 * stays, because there Ajv fills in no defaults.
 */
function cutBelow(schema: SchemaNode): SchemaNode {
  const copy: Record<string, unknown> = { ...schema };
  // Of no use at a root, and refused there.
  delete copy.default;
  if (isNode(schema.properties)) copy.properties = mapValues(schema.properties, cut);
  for (const keyword of ['items', 'additionalProperties']) {
    const child = schema[keyword];
    if (isNode(child)) copy[keyword] = cut(child);
  }
  return copy;
}

function cut(schema: unknown): unknown {
  if (!isNode(schema) || countNodes(schema, MIN_PART_NODES) < MIN_PART_NODES) return schema;
  // The default of a field is read where the field is listed.
  const fallback = 'default' in schema ? { default: schema.default } : {};
  return { ...fallback, [LATER]: schema };
}

/** Counts no further than `limit`. */
function countNodes(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 1;
  for (const child of Object.values(value)) {
    if (count >= limit) break;
    count += countNodes(child, limit - count);
  }
  return count;
}

function mapValues(record: SchemaNode, change: (value: unknown) => unknown): SchemaNode {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
