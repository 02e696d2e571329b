import type { HeaderFields, RequestFields } from '../../pipeline/exchange.ts';
import { followed, isObject, type Json } from './document.ts';

/** RFC 8259: what is no number of JSON stays text, and then does not fit. */
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/** What texts become that a schema wants to see as something else. */
export interface Coercion {
  readonly types: readonly string[];
  readonly items: Coercion | null;
}

/** @param pointer of a schema; its `$ref` is followed */
export function coercionOf(document: Json, pointer: string): Coercion {
  const { pointer: at, value } = followed(document, pointer);
  const type = isObject(value) ? value.type : undefined;
  const types = (Array.isArray(type) ? type : type === undefined ? [] : [type]).map(String);
  const items = isObject(value) && isObject(value.items ?? null) ? coercionOf(document, `${at}/items`) : null;
  return { types, items };
}

export function coerce(texts: readonly string[], { types, items }: Coercion): unknown {
  if (types.includes('array'))
    return texts.map((text) => (items === null ? text : scalar(text, items.types)));
  return texts.length === 1 ? scalar(texts[0]!, types) : [...texts];
}

function scalar(text: string, types: readonly string[]): unknown {
  if ((types.includes('integer') || types.includes('number')) && NUMBER.test(text)) return Number(text);
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if (types.includes('null') && text === '') return null;
  return text;
}

/** Every parameter of a query or a form (`application/x-www-form-urlencoded`), decoded. */
export function formEntries(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const values = found.get(name);
    if (values === undefined) found.set(name, [value]);
    else values.push(value);
  }
  return found;
}

/** Texts as an object, each field as its schema wants to see it. */
export function formObject(
  entries: ReadonlyMap<string, readonly string[]>,
  fields: (name: string) => Coercion,
): Record<string, unknown> {
  const made: Record<string, unknown> = Object.create(null);
  for (const [name, texts] of entries) made[name] = coerce(texts, fields(name));
  return made;
}

export function cookieEntries(request: RequestFields): ReadonlyMap<string, readonly string[]> {
  const pairs = (request.header('cookie') ?? '').split(';').map((pair) => pair.trim());
  const named = pairs.filter((pair) => pair.includes('='));
  return new Map(
    named.map((pair) => [pair.slice(0, pair.indexOf('=')), [pair.slice(pair.indexOf('=') + 1)]]),
  );
}

export function headerEntries(message: HeaderFields): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [name] of message.headerEntries()) found.set(name, [message.header(name) ?? '']);
  return found;
}

/** A path template, bound: values of its parameters, or null. */
export type PathMatcher = (path: string) => ReadonlyMap<string, string> | null;

/** `/users/{id}`: a parameter is one segment, or a part of one. */
export function compileTemplate(template: string): PathMatcher {
  const parts = template.split('/').map((segment) => segment.split(/(\{[^{}/]+\})/).filter(Boolean));
  return (path) => {
    const segments = path.split('/');
    if (segments.length !== parts.length) return null;
    const values = new Map<string, string>();
    for (let i = 0; i < parts.length; i++) if (!matchSegment(parts[i]!, segments[i]!, values)) return null;
    return values;
  };
}

/** Literal parts are looked for from the left, each as early as it comes. */
function matchSegment(parts: readonly string[], segment: string, values: Map<string, string>): boolean {
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (!part.startsWith('{')) {
      if (!segment.startsWith(part, at)) return false;
      at += part.length;
      continue;
    }
    const next = parts[i + 1];
    const end = next === undefined ? segment.length : segment.indexOf(next, at + 1);
    if (end <= at) return false;
    values.set(part.slice(1, -1), decoded(segment.slice(at, end)));
    at = end;
  }
  return at === segment.length;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
