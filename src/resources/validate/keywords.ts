import { isIP } from 'node:net';
import type { Ajv, AnySchemaObject } from 'ajv';
import type { DataValidateFunction } from 'ajv/dist/types/index.js';
import type { Refinement } from '../../lib/schema.ts';

/**
 * What our schemas say beyond JSON Schema. The CRD generator writes the same as CEL rules, or leaves it to the
 * API server where Kubernetes knows it (list-map keys).
 * @param refine whether `x-refine` runs its code
 */
export function addKeywords(ajv: Ajv, refine: boolean): void {
  ajv.addKeyword({ keyword: 'x-exactly-one-of', type: 'object', schemaType: 'array', compile: exactlyOneOf });
  ajv.addKeyword({
    keyword: 'x-kubernetes-list-map-keys',
    type: 'array',
    schemaType: 'array',
    compile: distinctBy,
  });
  ajv.addKeyword({
    keyword: 'x-unique-by',
    type: 'array',
    schemaType: 'string',
    compile: (name: string) => distinctBy([name]),
  });
  ajv.addKeyword({ keyword: 'x-check', type: 'string', schemaType: 'string', compile: check });
  // It runs after all others of its type; values must have passed those, or have been checked before.
  ajv.addKeyword({
    keyword: 'x-refine',
    type: ['string', 'object', 'number'],
    compile: (test: Refinement<unknown>, { type }: AnySchemaObject) =>
      refine ? refinement(test, FITS[String(type)] ?? isTextOrWhole) : () => true,
  });
  for (const known of ['x-kubernetes-list-type', 'x-kubernetes-int-or-string', 'x-kubernetes-validations'])
    ajv.addKeyword(known);
  for (const known of ['x-hint', 'x-meant', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-map-type'])
    ajv.addKeyword(known);
}

function exactlyOneOf(names: readonly string[]): DataValidateFunction {
  const validate: DataValidateFunction = (data: object) => {
    let count = 0;
    for (const name of names) if (Object.hasOwn(data, name)) count++;
    if (count === 1) return true;
    const present = names.filter((name) => Object.hasOwn(data, name));
    validate.errors = [{ keyword: 'x-exactly-one-of', params: { names, present } }];
    return false;
  };
  return validate;
}

/** Entries of a list differ in these fields; an entry without them is equal to none. */
function distinctBy(keys: readonly string[]): DataValidateFunction {
  const validate: DataValidateFunction = (entries: readonly unknown[]) => {
    const seen = new Map<string, number>();
    for (const [index, entry] of entries.entries()) {
      const values = keys.map((key) => (entry as Record<string, unknown> | null)?.[key]);
      if (values.includes(undefined)) continue;
      const identity = JSON.stringify(values);
      const first = seen.get(identity);
      if (first !== undefined) {
        validate.errors = [
          {
            keyword: 'x-unique-by',
            params: { key: keys.join(', '), value: values.join(', '), first, index },
          },
        ];
        return false;
      }
      seen.set(identity, index);
    }
    return true;
  };
  return validate;
}

const isText = (value: unknown) => typeof value === 'string';
const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** What may be written as either has no `type`. */
const isTextOrWhole = (value: unknown) => isText(value) || Number.isSafeInteger(value);
const FITS: Readonly<Record<string, (value: unknown) => boolean>> = { string: isText, object: isMap };

/** @param fits Ajv asks with texts before it refuses them where a map must be: to tell that is not ours. */
function refinement(test: Refinement<unknown>, fits: (value: unknown) => boolean): DataValidateFunction {
  const validate: DataValidateFunction = (value: unknown) => {
    if (!fits(value)) return true;
    const reason = reasonOf(test, value);
    if (reason === null) return true;
    validate.errors = [{ keyword: 'x-refine', params: { reason } }];
    return false;
  };
  return validate;
}

/** Parsers say what is wrong by throwing: `999999Ei` looks like a size. */
function reasonOf(test: Refinement<unknown>, value: unknown): string | null {
  try {
    return test(value);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Values that a pattern can't tell well. */
const CHECKS: Readonly<
  Record<string, { readonly test: (text: string) => boolean; readonly expected: string }>
> = {
  address: { test: (text) => isIP(text) !== 0, expected: 'an IP address' },
  cidr: { test: isCidr, expected: 'a CIDR block like 10.0.0.0/8, or an IP address' },
};

function check(name: string): DataValidateFunction {
  const { test, expected } = CHECKS[name]!;
  const validate: DataValidateFunction = (text: string) => {
    if (test(text)) return true;
    validate.errors = [{ keyword: 'x-check', params: { expected } }];
    return false;
  };
  return validate;
}

function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const version = isIP(slash === -1 ? text : text.slice(0, slash));
  if (version === 0) return false;
  if (slash === -1) return true;
  const bits = text.slice(slash + 1);
  return /^(0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
