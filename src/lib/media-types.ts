/** `text/*`, `application/json`, `application/*+json`. */
const PATTERN = /^([a-z0-9!#$&^_.+-]+|\*)\/(\*|[a-z0-9!#$&^_.-]+(?:\+[a-z0-9.-]+)?|\*\+[a-z0-9.-]+)$/;

/** Null, or why a text is no pattern of media types. */
export function mediaTypeProblem(pattern: string): string | null {
  if (PATTERN.test(pattern.toLowerCase())) return null;
  return 'write a media type like application/json, text/* or application/*+json';
}

/** Whether a Content-Type (RFC 9110 section 8.3), with or without parameters, is one of the patterns. */
export function compileMediaTypes(patterns: readonly string[]): (contentType: string | null) => boolean {
  const exact = new Set<string>();
  /** `type/` and, of `type/*+suffix`, `+suffix`. */
  const families: (readonly [start: string, end: string])[] = [];
  for (const pattern of patterns.map((one) => one.toLowerCase())) {
    const star = pattern.indexOf('/*');
    if (pattern.startsWith('*/'))
      families.push(['', pattern === '*/*' ? '' : pattern.slice(2).replace('*', '')]);
    else if (star < 0) exact.add(pattern);
    else families.push([pattern.slice(0, star + 1), pattern.slice(star + 2)]);
  }
  return function isOneOf(contentType) {
    const type = typeOf(contentType);
    if (type === '') return false;
    return exact.has(type) || families.some(([start, end]) => type.startsWith(start) && type.endsWith(end));
  };
}

/** Without parameters, in lower case; empty when there is none. */
export function typeOf(contentType: string | null): string {
  if (contentType === null) return '';
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
