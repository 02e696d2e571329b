import type { HeaderFields } from '../pipeline/exchange.ts';
import type { Fields } from './http1/fields.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 9110 section 5.5 is about control characters
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

type Line = readonly [name: string, value: string];

/** @throws TypeError for what would not be one header line (RFC 9110 section 5). */
function checkLine(name: string, value: string): void {
  if (!NAME.test(name)) throw new TypeError(`not a header name: ${JSON.stringify(name)}`);
  if (BAD_VALUE.test(value)) {
    throw new TypeError(`not a value for header ${name}: control or wide characters`);
  }
}

/** `x_user` and `x-user` are one name to many applications (CGI), so an edit takes both. */
function sameName(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.replaceAll('_', '-') === b.replaceAll('_', '-'));
}

/**
 * The header fields of a message with edits on top. The message's own lines stay where they are, in one
 * string; a message that nobody edits is forwarded as slices of it.
 */
export class HeaderView implements HeaderFields {
  #fields: Fields | null = null;
  #lines: readonly Line[] = [];
  /** Names that were removed or replaced, lower case; null while nothing was. */
  removed: string[] | null = null;
  /** Lines to send after the message's own; null while there are none. */
  added: Line[] | null = null;

  /** A parsed message. */
  useFields(fields: Fields): void {
    this.#fields = fields;
    this.#lines = [];
    this.removed = null;
    this.added = null;
  }

  /**
   * A message made here.
   * @throws TypeError when one of its lines can't be sent.
   */
  useLines(lines: readonly Line[]): void {
    for (const [name, value] of lines) checkLine(name, value);
    this.#fields = null;
    this.#lines = lines;
    this.removed = null;
    this.added = null;
  }

  get edited(): boolean {
    return this.removed !== null || this.added !== null;
  }

  isRemoved(lowerName: string): boolean {
    return this.removed?.some((name) => sameName(name, lowerName)) ?? false;
  }

  header(name: string): string | null {
    if (this.#fields !== null && !this.edited) {
      const fields = this.#fields;
      const first = fields.find(name);
      if (first < 0) return null;
      let value = fields.value(first);
      for (let i = first + 1; i < fields.count; i++) {
        if (fields.nameIs(i, name)) value += `, ${fields.value(i)}`;
      }
      return value;
    }
    const lines = this.headerLines(name);
    return lines.length === 0 ? null : lines.join(', ');
  }

  headerLines(name: string): readonly string[] {
    const lines: string[] = [];
    if (this.#fields !== null && !this.isRemoved(name)) {
      for (let i = 0; i < this.#fields.count; i++) {
        if (this.#fields.nameIs(i, name)) lines.push(this.#fields.value(i));
      }
    }
    for (const [other, value] of this.#ownLines()) if (other === name) lines.push(value);
    return lines;
  }

  headerEntries(): readonly Line[] {
    const entries: Line[] = [];
    const fields = this.#fields;
    for (let i = 0; fields !== null && i < fields.count; i++) {
      const name = fields.lowerName(i);
      if (!this.isRemoved(name)) entries.push([name, fields.value(i)]);
    }
    entries.push(...this.#ownLines());
    return entries;
  }

  setHeader(name: string, value: string): void {
    this.removeHeader(name);
    this.addHeader(name, value);
  }

  addHeader(name: string, value: string): void {
    checkLine(name, value);
    this.added ??= [];
    this.added.push([name.toLowerCase(), value]);
  }

  removeHeader(name: string): void {
    const lower = name.toLowerCase();
    this.removed ??= [];
    if (!this.removed.includes(lower)) this.removed.push(lower);
    if (this.added !== null) this.added = this.added.filter(([other]) => !sameName(other, lower));
  }

  /** Lines that are not part of a parsed message: kept ones of a reply, then added ones. */
  *#ownLines(): Iterable<Line> {
    for (const line of this.#lines) if (!this.isRemoved(line[0])) yield line;
    if (this.added !== null) yield* this.added;
  }

  /** {@link #ownLines} as text of a head. */
  ownText(): string {
    let text = '';
    for (const [name, value] of this.#ownLines()) text += `${name}: ${value}\r\n`;
    return text;
  }
}
