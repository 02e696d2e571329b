import { decodeQueryText } from './query-text.ts';

/** So that every server reads it as one name or value; a space becomes `%20`. */
export function encodeQueryPart(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** One parameter as it was sent. */
export interface QueryPart {
  /** Decoded. */
  readonly name: string;
  /** With `=` and value, where it has them, undecoded. */
  readonly text: string;
  /** What follows the name: empty, or `=` and the value, undecoded. */
  readonly rest: string;
}

/** Parameters in order, without those that are nothing at all (`a&&b`). */
export function queryParts(query: string): QueryPart[] {
  const parts: QueryPart[] = [];
  for (const text of query.split('&')) {
    if (text === '') continue;
    const equals = text.indexOf('=');
    const nameEnd = equals < 0 ? text.length : equals;
    parts.push({ name: decodeQueryText(text.slice(0, nameEnd)), text, rest: text.slice(nameEnd) });
  }
  return parts;
}
