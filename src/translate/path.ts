import type { PathMatch } from '../ir/route.ts';
import { normalizePath, pathRefusal } from '../lib/path.ts';

type PlainPath = Exclude<PathMatch, { kind: 'regex' }>;
export type PathResult =
  | { readonly ok: true; readonly path: PlainPath }
  | { readonly ok: false; readonly message: string };

const PARAMETER = /^\{[A-Za-z_][A-Za-z0-9_]*\}$/;

/**
 * A path pattern in the form in which requests are compared: normalised as their paths are, prefixes without
 * a trailing slash, `/a/*` as the prefix that it means. The message of a refusal says what to write instead.
 */
export function canonicalPath(kind: PlainPath['kind'], text: string): PathResult {
  if (kind === 'template') return canonicalTemplate(text);
  const suffixed = text.endsWith('/*');
  const bare = suffixed ? text.slice(0, -1) : text;
  if (bare.includes('*')) {
    return refuse(text, 'a * may only stand at the end, as in /a/*; use a template, /a/{name}/b, or a regex');
  }
  const normal = normalizePath(bare);
  if (normal === null) return refuse(text, pathRefusal(bare)?.reason ?? '');
  if (kind === 'exact' && !suffixed) return { ok: true, path: { kind, value: normal } };
  return { ok: true, path: { kind: 'prefix', value: normal.replace(/(?<=.)\/$/, '') } };
}

function canonicalTemplate(text: string): PathResult {
  const segments = text.split('/');
  const parameters = segments.filter((segment) => PARAMETER.test(segment));
  if (segments.some((segment) => /[{}]/.test(segment) && !PARAMETER.test(segment))) {
    return refuse(
      text,
      'a parameter is a whole segment with a name of letters, digits and _: /users/{id}/orders',
    );
  }
  if (segments.some((segment) => segment.includes('*'))) return refuse(text, 'a template has {name}, not *');
  if (new Set(parameters).size < parameters.length) return refuse(text, 'two parameters have the same name');
  // Parameters stand in as plain segments: what normalisation does to the rest must leave them in place.
  const normal = normalizePath(
    segments.map((one) => (PARAMETER.test(one) ? one.slice(1, -1) : one)).join('/'),
  );
  const literal = normal?.split('/');
  if (literal?.length !== segments.length) {
    return refuse(text, 'write it without empty segments, . and ..');
  }
  const value = literal
    .map((one, index) => (PARAMETER.test(segments[index]!) ? segments[index]! : one))
    .join('/');
  return { ok: true, path: { kind: 'template', value } };
}

function refuse(text: string, advice: string): PathResult {
  return { ok: false, message: `the path "${text}" is refused: ${advice}` };
}
