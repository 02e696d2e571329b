import { hasMemberTwice } from '../../lib/json-text.ts';
import { compileMediaTypes } from '../../lib/media-types.ts';
import { followed, isObject, type Json, pointed, stepOf } from './document.ts';
import { type Coercion, coerce, coercionOf, formEntries, formObject } from './parameters.ts';
import type { ParameterPlace, ParameterPlan } from './plan.ts';
import type { Fault, SchemaSet } from './schema-set.ts';

/** By name. */
export type Texts = ReadonlyMap<string, readonly string[]>;
/** What is wrong, and with which part of a message. */
export interface PlacedFault extends Fault {
  readonly in: ParameterPlace | 'body' | 'status';
}

export const isJson = compileMediaTypes(['application/json', 'application/*+json', 'text/json']);
export const isForm = compileMediaTypes(['application/x-www-form-urlencoded']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

export function parameterCheck(
  { in: place, name, required, schema, explode }: ParameterPlan,
  document: Json,
  schemas: SchemaSet,
): (texts: Texts) => readonly PlacedFault[] {
  const coercion = schema === '' ? null : coercionOf(document, schema);
  const at = `/${name}`;
  return (texts) => {
    const found = texts.get(name);
    if (found === undefined) return required ? [{ in: place, pointer: at, detail: 'is missing' }] : [];
    if (coercion === null) return [];
    const listed =
      coercion.types.includes('array') && !explode ? found.flatMap((text) => text.split(',')) : found;
    const value = coerce(listed, coercion);
    return schemas
      .faults(schema, value)
      .map(({ pointer, detail }) => ({ in: place, pointer: at + pointer, detail }));
  };
}

/** How the fields of an object schema want to be seen. */
export function fieldsOf(document: Json, schema: string): (name: string) => Coercion {
  const known = new Map<string, Coercion>();
  const { pointer } = followed(document, schema);
  const properties = pointed(document, `${pointer}/properties`);
  if (isObject(properties)) {
    for (const name of Object.keys(properties))
      known.set(name, coercionOf(document, `${pointer}/properties${stepOf(name)}`));
  }
  const text: Coercion = { types: [], items: null };
  return (name) => known.get(name) ?? text;
}

export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: PlacedFault };

/** @param fields of a form; null: it is JSON */
export function parseBody(bytes: Uint8Array, fields: ((name: string) => Coercion) | null): Parsed {
  try {
    const text = utf8.decode(bytes);
    if (fields !== null) return { ok: true, value: formObject(formEntries(text), fields) };
    const value: unknown = JSON.parse(text);
    return hasMemberTwice(text, value) ? unreadable('has a member twice') : { ok: true, value };
  } catch {
    // What the parser says repeats a part of the body.
    return unreadable(fields === null ? 'is no JSON (RFC 8259)' : 'is no text in UTF-8');
  }
}

function unreadable(detail: string): Parsed {
  return { ok: false, fault: { in: 'body', pointer: '', detail } };
}
