import { type Static, type TSchema, Type } from 'typebox';

/** Prose that `kubectl explain` and the reference pages print, with bounds that keep CEL's cost estimate small. */
interface TextOptions {
  readonly default?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** What the pattern asks for, in words. */
  readonly 'x-hint'?: string;
  /** A test that a pattern can't express; see `resources/validate/keywords.ts`. */
  readonly 'x-check'?: 'cidr' | 'address';
}

/**
 * What only code can tell about a text, or about an object of the right shape: null, or what is wrong and what to write
 * instead. Called by our validator, not by the API server.
 */
export type Refinement<T> = (value: T) => string | null;

/** GEP-2257: up to four groups of at most five digits and a unit. */
export const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$';
/** A non-negative Kubernetes quantity of bytes: `512`, `64Ki`, `1.5Mi`, `2G`. */
export const QUANTITY_PATTERN = '^[0-9]{1,18}(\\.[0-9]{1,9})?([KMGTPE]i|[kMGTPE])?$';
const LABEL_HINT = 'lower-case letters, digits and dashes, beginning and ending with a letter or digit';
const DNS_LABEL_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const DNS_NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
/** RFC 9110 section 5.6.2. */
const TOKEN_HINT = 'letters, digits and dashes, without spaces';
const TOKEN_PATTERN = "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$";

export function text(description: string, options: TextOptions = {}) {
  return Type.String({ description, maxLength: 1024, ...options });
}

export function choice<const T extends readonly string[]>(
  values: T,
  description: string,
  options: { readonly default?: T[number] } = {},
) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description, ...options });
}

/** `30s`, `1m30s`, `250ms`; see `lib/duration.ts`. */
export function duration(description: string, fallback?: string) {
  const options = fallback === undefined ? {} : { default: fallback };
  return Type.String({
    description,
    pattern: DURATION_PATTERN,
    'x-hint': 'write a duration like 30s, 1m30s or 250ms',
    maxLength: 32,
    ...options,
  });
}

/** `64Ki`, `10Mi` or a number of bytes; see `lib/quantity.ts`. */
export function quantity(description: string, fallback?: string) {
  const options = fallback === undefined ? {} : { default: fallback };
  return Type.Unsafe<string | number>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    description,
    pattern: QUANTITY_PATTERN,
    'x-hint': 'write a size like 512, 64Ki, 1.5Mi or 2G',
    minimum: 0,
    maxLength: 32,
    ...options,
  });
}

/** A port by number or by the name that the Service gives it. */
export function portNumberOrName(description: string) {
  return Type.Unsafe<string | number>({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    description,
    pattern: DNS_LABEL_PATTERN,
    'x-hint': LABEL_HINT,
    minimum: 1,
    maximum: 65535,
    maxLength: 63,
  });
}

/** A DNS label: names of rules, limits, ports. */
export function label(description: string) {
  return Type.String({
    description,
    pattern: DNS_LABEL_PATTERN,
    'x-hint': LABEL_HINT,
    minLength: 1,
    maxLength: 63,
  });
}

/** Name of an object (RFC 1123 subdomain). */
export function objectName(description: string) {
  return Type.String({
    description,
    pattern: DNS_NAME_PATTERN,
    'x-hint': `${LABEL_HINT}; dots between labels`,
    minLength: 1,
    maxLength: 253,
  });
}

/** A header's field name or a method. */
export function token(description: string) {
  return Type.String({
    description,
    pattern: TOKEN_PATTERN,
    'x-hint': TOKEN_HINT,
    minLength: 1,
    maxLength: 256,
  });
}

/** A CIDR block or a single address; checked by our validator, not by the API server. */
export function cidr(description: string) {
  return Type.String({ description, 'x-check': 'cidr', minLength: 2, maxLength: 64 });
}

export function list<S extends TSchema>(
  items: S,
  description: string,
  options: {
    readonly maxItems: number;
    readonly minItems?: number;
    readonly default?: unknown[];
    /** Entries that have this field differ in it. */
    readonly 'x-unique-by'?: string;
  },
) {
  return Type.Array(items, { description, ...options });
}

/** A list that server-side apply merges by `name`; two entries of one name are refused. */
export function listByName<S extends TSchema>(
  items: S,
  description: string,
  options: { readonly maxItems: number },
) {
  return Type.Array(items, {
    description,
    ...options,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });
}

interface FieldsOptions {
  readonly minProperties?: number;
  /** Names that people may write, by habit or from an earlier version, and the field that they mean. */
  readonly 'x-meant'?: Readonly<Record<string, string>>;
}

/** An object that refuses unknown fields by name. */
export function fields<P extends Record<string, TSchema>>(
  properties: P,
  description: string,
  options: FieldsOptions = {},
) {
  return Type.Object(properties, { description, additionalProperties: false, ...options });
}

/** A schema whose values must also pass a test. */
export function refined<S extends TSchema>(schema: S, test: Refinement<Static<S>>): S {
  return { ...schema, 'x-refine': test };
}

/** As {@link fields}, where exactly one of the named fields (all optional) must be there. */
export function exactlyOneOf<P extends Record<string, TSchema>>(
  names: readonly (keyof P & string)[],
  properties: P,
  description: string,
) {
  return Type.Object(properties, {
    description,
    additionalProperties: false,
    'x-exactly-one-of': [...names],
  });
}

/** An object without fields: its presence says all. */
export function marker(description: string, options: { readonly default?: Record<string, never> } = {}) {
  return Type.Unsafe<Record<string, never>>({
    type: 'object',
    properties: {},
    additionalProperties: false,
    description,
    ...options,
  });
}

/** One key of a Secret of the same namespace. By this name of its field, `secretRef`, sources find what to read. */
export function secretRef(
  defaultKey: string,
  description = 'Where the secret is kept; it is never written here.',
) {
  return fields(
    {
      name: objectName('Name of a Secret of the same namespace.'),
      key: text('Key within the Secret.', {
        default: defaultKey,
        minLength: 1,
        maxLength: 253,
        pattern: '^[-._a-zA-Z0-9]+$',
      }),
    },
    description,
  );
}

/** The first of some names that is there twice; undefined: none is. */
export function firstTwice(names: readonly string[]): string | undefined {
  return names.find((name, i) => names.indexOf(name) < i);
}
