import type { PathMatch } from '../ir/route.ts';

/** A segment of a path pattern: its text, or null for a parameter, which takes any that is not empty. */
export type Segment = string | null;

/**
 * Segments of an exact, prefix or template pattern. `/a/` has two, the second empty: a trailing slash
 * counts. The prefix `/` has none.
 */
export function segmentsOf(path: Exclude<PathMatch, { kind: 'regex' }>): readonly Segment[] {
  const value = path.kind === 'prefix' ? path.value.replace(/\/+$/, '') : path.value;
  const parts: Segment[] = value.split('/').slice(1);
  return path.kind === 'template' ? parts.map((part) => (isParameter(part) ? null : part)) : parts;
}

function isParameter(segment: Segment): boolean {
  return segment !== null && segment.length > 2 && segment.startsWith('{') && segment.endsWith('}');
}

/** What the router writes for people: the pattern, whatever its kind. */
export function patternOf(path: PathMatch): string {
  return path.kind === 'regex' ? path.pattern : path.value;
}
