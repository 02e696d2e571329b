import type { ErrorObject } from 'ajv';
import { formatFieldPath, stepsOfPointer } from '../field-path.ts';
import { nearMiss } from './near-miss.ts';

/** One thing that is wrong with an object. */
export interface FieldError {
  /** `spec.rules[2].backends[0].service.port`; empty for the object itself. */
  readonly fieldPath: string;
  /** What is wrong and what is allowed, without the path. */
  readonly message: string;
}

/** More would only hide the first; how many there are is told. */
const MAX_ERRORS = 20;
/** A huge object may have one in each of its thousand fields. */
const MAX_TO_COUNT = 100;

/**
 * ajv's errors in words.
 * @param secret values must not be quoted
 */
export function describeErrors(
  errors: readonly ErrorObject[],
  root: unknown,
  secret: boolean,
): readonly FieldError[] {
  const described = new Map<string, FieldError>();
  const unknownFieldAt = new Set(errors.filter(isUnknownField).map((error) => error.instancePath));
  for (const error of errors) {
    if (described.size > MAX_TO_COUNT) break;
    if (isEcho(error, errors, unknownFieldAt)) continue;
    const found = describe(error, root, secret);
    described.set(`${found.fieldPath}: ${found.message}`, found);
  }
  const all = [...described.values()];
  if (all.length <= MAX_ERRORS) return all;
  const more = all.length > MAX_TO_COUNT ? 'many' : String(all.length - MAX_ERRORS);
  return [...all.slice(0, MAX_ERRORS), { fieldPath: '', message: `has ${more} more errors than are listed` }];
}

function isUnknownField(error: ErrorObject): boolean {
  return error.keyword === 'additionalProperties';
}

/** Errors that only repeat another in other words. */
function isEcho(
  error: ErrorObject,
  all: readonly ErrorObject[],
  unknownFieldAt: ReadonlySet<string>,
): boolean {
  if (error.keyword === 'x-exactly-one-of') {
    return error.params.present.length === 0 && unknownFieldAt.has(error.instancePath);
  }
  if (error.keyword === 'pattern') {
    return all.some(
      ({ keyword, instancePath }) => keyword === 'minLength' && instancePath === error.instancePath,
    );
  }
  if (error.keyword !== 'type') return false;
  return all.some(
    (other) => other.keyword === 'anyOf' && error.schemaPath.startsWith(`${other.schemaPath}/`),
  );
}

function describe(error: ErrorObject, root: unknown, secret: boolean): FieldError {
  const steps = stepsOfPointer(error.instancePath, root);
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties':
      return {
        fieldPath: formatFieldPath([...steps, params.additionalProperty]),
        message: unknownField(params.additionalProperty, error.parentSchema ?? {}),
      };
    case 'required':
      return { fieldPath: formatFieldPath([...steps, params.missingProperty]), message: 'is required' };
    case 'x-unique-by':
      return {
        fieldPath: formatFieldPath([...steps, params.index]),
        message: `has the same ${params.key} as entry ${params.first}: ${quote(params.value)}`,
      };
    default:
      return { fieldPath: formatFieldPath(steps), message: explain(error, secret) };
  }
}

function unknownField(name: string, schema: Readonly<Record<string, unknown>>): string {
  const known = Object.keys(schema.properties ?? {});
  const meant = new Map(Object.entries((schema['x-meant'] ?? {}) as Record<string, string>));
  const near = meant.get(name) ?? nearMiss(name, known);
  if (near !== null) return `unknown field; did you mean ${quote(near)}?`;
  return known.length === 0 ? 'unknown field' : `unknown field; known here: ${known.join(', ')}`;
}

/** How it is written, where the schema says so. */
function hint({ parentSchema }: ErrorObject): string {
  const words: unknown = parentSchema?.['x-hint'];
  return typeof words === 'string' ? `: ${words}` : '';
}

/** A message for errors that sit at the value itself. */
function explain(error: ErrorObject, secret: boolean): string {
  const { keyword, params, data } = error;
  const value = secret ? 'the value' : quote(data);
  switch (keyword) {
    case 'type':
      return `must be ${typeInWords(params.type)}, but is ${typeOf(data, secret)}${hint(error)}`;
    case 'anyOf':
      return `must be a whole number or text, but is ${typeOf(data, secret)}`;
    case 'enum':
      return `${value} is not allowed; use ${alternatives(params.allowedValues)}${suggestion(data, params.allowedValues)}`;
    case 'pattern':
      return `${value} does not fit: ${error.parentSchema?.['x-hint'] ?? `it must match ${params.pattern}`}`;
    case 'x-check':
      return `${value} is not ${params.expected}`;
    case 'x-refine':
      return params.reason;
    case 'x-exactly-one-of':
      return oneOf(params.names, params.present);
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `must be ${params.comparison} ${params.limit}, but is ${value}`;
    default:
      return sizeError(error);
  }
}

function sizeError({ keyword, params, message, data }: ErrorObject): string {
  const { limit } = params;
  switch (keyword) {
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters, but has ${String(data).length}`;
    case 'minItems':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} entries`;
    case 'maxItems':
      return `must have at most ${limit} entries, but has ${(data as unknown[]).length}`;
    case 'minProperties':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} fields`;
    case 'maxProperties':
      return `must have at most ${limit} fields`;
    default:
      return message ?? `fails ${keyword}`;
  }
}

function oneOf(names: readonly string[], present: readonly string[]): string {
  const all = alternatives(names);
  if (present.length === 0) return `needs exactly one of ${all}`;
  return `has ${present.join(' and ')}, but exactly one of ${all} is allowed`;
}

function alternatives(values: readonly unknown[]): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function suggestion(data: unknown, allowed: readonly unknown[]): string {
  if (typeof data !== 'string') return '';
  const near = nearMiss(
    data,
    allowed.filter((value) => typeof value === 'string'),
  );
  return near === null ? '' : `; did you mean ${quote(near)}?`;
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'a map of fields',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'empty',
};

function typeInWords(type: string | readonly string[]): string {
  return alternatives([type].flat().map((name) => TYPES[name] ?? name));
}

function typeOf(data: unknown, secret: boolean): string {
  if (data === null || data === undefined) return 'empty';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'a map of fields';
  const type = typeInWords(typeof data);
  return secret || typeof data === 'boolean' ? type : `${type} (${quote(data)})`;
}

/** Quoted, on one line, at most 60 characters. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
