/**
 * Works on the text of JSON (RFC 8259) rather than on its values: numbers keep every digit, keys such as `__proto__` are only
 * text, and depth costs no stack.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a JSON document; null when the bytes are none (or not UTF-8). */
export function jsonText(bytes: Uint8Array): string | null {
  try {
    const text = utf8.decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

/**
 * The text of the value of a field; null when the document is no object or has no such field. Of several fields of one name the
 * last counts, as for `JSON.parse`.
 * @param json valid JSON
 */
export function fieldText(json: string, name: string): string | null {
  let at = skipSpace(json, 0);
  if (json.charCodeAt(at) !== OPEN_OBJECT) return null;
  at = skipSpace(json, at + 1);
  let found: string | null = null;
  while (json.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(json, at);
    const key = json.slice(at, keyEnd);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, start);
    if (isKey(key, name)) found = json.slice(start, end).trimEnd();
    at = json.charCodeAt(end) === COMMA ? skipSpace(json, end + 1) : end;
  }
  return found;
}

/** As {@link fieldText} for a field in a field …; an empty path is the whole document. */
export function pathText(json: string, path: readonly string[]): string | null {
  let text: string | null = json;
  for (const name of path) {
    text = fieldText(text, name);
    if (text === null) return null;
  }
  return text;
}

/**
 * Whether an object in it has two members of one name: `JSON.parse` keeps the last, others the first, so that two readers would
 * see two documents (RFC 8259 section 4).
 * @param json valid JSON
 * @param value what `JSON.parse` makes of it
 */
export function hasMemberTwice(json: string, value: unknown): boolean {
  return colons(json) !== members(value);
}

/** Outside of strings: one for each member that is written. */
function colons(json: string): number {
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(json, at) - 1;
    else if (code === COLON) count++;
  }
  return count;
}

function members(value: unknown): number {
  let count = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const inner: readonly unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (!Array.isArray(next)) count += inner.length;
    for (const one of inner) if (typeof one === 'object' && one !== null) open.push(one);
  }
  return count;
}

function isKey(quoted: string, name: string): boolean {
  return quoted.includes('\\') ? JSON.parse(quoted) === name : quoted.slice(1, -1) === name;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** Just behind the closing quote. */
function stringEnd(json: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
}

/** Where the comma or the bracket stands that ends a value of an object. */
function valueEnd(json: string, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
      continue;
    }
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      if (depth === 0) return at;
      depth--;
    } else if (code === COMMA && depth === 0) return at;
    at++;
  }
}
