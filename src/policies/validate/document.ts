import { compilePattern } from '../../lib/pattern.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const MAX_NODES = 50_000;
const MAX_DEPTH = 100;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Null, or why a document that schemas stand in is not taken. */
export function documentProblem(document: Json): string | null {
  let nodes = 0;
  const visit = (value: Json, depth: number, inProperties: boolean): string | null => {
    if (++nodes > MAX_NODES) return `it has more than ${MAX_NODES} values`;
    if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`;
    if (typeof value !== 'object' || value === null) return null;
    if (!Array.isArray(value) && !inProperties) {
      const problem = keywordProblem(value as JsonObject, document);
      if (problem !== null) return problem;
    }
    for (const [key, child] of Object.entries(value)) {
      // Below these, keys are names that somebody chose, not keywords.
      const named = !inProperties && (key === 'properties' || key === '$defs' || key === 'definitions');
      const problem = visit(child as Json, depth + 1, named);
      if (problem !== null) return problem;
    }
    return null;
  };
  return visit(document, 0, false);
}

function keywordProblem(schema: JsonObject, document: Json): string | null {
  for (const keyword of ['$ref', '$dynamicRef']) {
    const ref = schema[keyword];
    if (typeof ref !== 'string') continue;
    if (!ref.startsWith('#')) return `${keyword} "${ref}" leaves the document: nothing is fetched`;
    if (ref.startsWith('#/') && pointed(document, ref.slice(1)) === undefined)
      return `${keyword} "${ref}" leads to nothing`;
  }
  const patterns = isObject(schema.patternProperties!) ? Object.keys(schema.patternProperties) : [];
  if (typeof schema.pattern === 'string') patterns.push(schema.pattern);
  for (const pattern of patterns) {
    try {
      searching(pattern);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return null;
}

/** A pattern of a schema: found anywhere in the text, in linear time. @throws PatternError */
export function searching(source: string): { test(text: string): boolean } {
  compilePattern(source);
  return compilePattern(`(?s:.*)(?:${source})(?s:.*)`);
}

/** What a JSON Pointer (RFC 6901) leads to; undefined: nothing. */
export function pointed(document: Json, pointer: string): Json | undefined {
  let value: Json | undefined = document;
  for (const step of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    value = Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined;
  }
  return value;
}

/** One more step of a pointer. */
export function stepOf(key: string | number): string {
  return `/${encodeURIComponent(String(key).replaceAll('~', '~0').replaceAll('/', '~1'))}`;
}

/** Follows `$ref` from a pointer to where something stands. @throws Error when it goes in circles */
export function followed(
  document: Json,
  pointer: string,
): { readonly pointer: string; readonly value: Json } {
  let at = pointer;
  for (let i = 0; i < 20; i++) {
    const value = pointed(document, at);
    const ref = isObject(value) ? value.$ref : undefined;
    if (typeof ref !== 'string') return { pointer: at, value: value ?? null };
    at = ref.slice(1);
  }
  throw new Error(`the references from ${pointer} go in circles`);
}
