import type { HeaderFields } from '../pipeline/exchange.ts';
import { alikeNames, type Fields } from './http1/fields.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 9110 section 5.5 is about control characters
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

const HTAB = 0x09;
const DEL = 0x7f;

type Line = readonly [name: string, value: string];

const NO_LINES: readonly Line[] = [];

/** What is known of a name that was written once: policies write the same few with every message. */
interface KnownName {
  readonly lower: string;
  /** A value that was found good. */
  value: string;
}

const MAX_KNOWN_NAMES = 512;
const MAX_KNOWN_VALUE = 256;
const knownNames = new Map<string, KnownName>();

/** @throws TypeError for what is no name (RFC 9110 section 5.1) */
function knownName(name: string): KnownName {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!NAME.test(name)) throw new TypeError(`not a header name: ${JSON.stringify(name)}`);
  const made = { lower: name.toLowerCase(), value: '' };
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, made);
  return made;
}

function lowerOf(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known.lower;
  return NAME.test(name) ? knownName(name).lower : name.toLowerCase();
}

/** Starting the regular expression costs more than looking at a few characters. */
const SHORT_VALUE = 32;

function isBadValue(value: string): boolean {
  if (value.length > SHORT_VALUE) return BAD_VALUE.test(value);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== HTAB) || code === DEL || code > 0xff) return true;
  }
  return false;
}

/** @throws TypeError for what would not be one header line (RFC 9110 section 5) */
function checkedName(name: string, value: string): string {
  const known = knownName(name);
  if (value === known.value) return known.lower;
  if (isBadValue(value)) {
    throw new TypeError(`not a value for header ${name}: control or wide characters`);
  }
  if (value.length <= MAX_KNOWN_VALUE) known.value = value;
  return known.lower;
}

/**
 * The header fields of a message with edits on top. The message's own lines stay where they are, in one
 * string; a message that nobody edits is forwarded as slices of it. An edit takes `x_user` and `x-user` alike.
 */
export class HeaderView implements HeaderFields {
  #fields: Fields | null = null;
  #lines = NO_LINES;
  /** Names of lines that were removed or replaced, lower case; null while none were. */
  removed: string[] | null = null;
  /** Names that were removed and that the parsed message has no lines of: its trailers may. */
  readonly #lacking: (string | readonly string[])[] = [];
  /** How many of them are this message's: an array that is emptied would grow anew each time. */
  #lackingCount = 0;
  /** Lines to send after the message's own; null while there are none. */
  added: Line[] | null = null;

  /** A parsed message. */
  useFields(fields: Fields): void {
    this.#fields = fields;
    this.#lines = NO_LINES;
    this.#forgetEdits();
  }

  /**
   * A message made here.
   * @throws TypeError when one of its lines can't be sent.
   */
  useLines(lines: readonly Line[]): void {
    for (const [name, value] of lines) checkedName(name, value);
    this.#fields = null;
    this.#lines = lines;
    this.#forgetEdits();
  }

  #forgetEdits(): void {
    this.removed = null;
    this.#lackingCount = 0;
    this.added = null;
  }

  get edited(): boolean {
    return this.removed !== null || this.added !== null;
  }

  isRemoved(lowerName: string): boolean {
    return this.removed !== null && hasAlikeName(this.removed, lowerName);
  }

  /** Whether trailers of that name go: the lines that policies removed can't come back behind the body. */
  isRemovedTrailer(lowerName: string): boolean {
    if (this.isRemoved(lowerName)) return true;
    for (let i = 0; i < this.#lackingCount; i++) {
      const names = this.#lacking[i]!;
      if (typeof names === 'string' ? alikeNames(names, lowerName) : hasAlikeName(names, lowerName))
        return true;
    }
    return false;
  }

  /** False: no name of that length was removed, so it is not worth making a string of one to ask. */
  removesOfLength(length: number): boolean {
    const { removed } = this;
    if (removed === null) return false;
    for (let i = 0; i < removed.length; i++) if (removed[i]!.length === length) return true;
    return false;
  }

  header(name: string): string | null {
    let value: string | null = null;
    if (this.#fields !== null && !this.isRemoved(name)) value = this.#fields.joinedValue(name);
    if (this.#lines !== NO_LINES) value = joinedOf(this.#kept(), name, value);
    return this.added === null ? value : joinedOf(this.added, name, value);
  }

  headerLines(name: string): readonly string[] {
    const lines: string[] = [];
    const fields = this.#fields;
    if (fields !== null && !this.isRemoved(name)) {
      for (let i = 0; i < fields.count; i++) {
        if (fields.nameIs(i, name)) lines.push(fields.value(i));
      }
    }
    for (const [other, value] of this.#kept()) if (other === name) lines.push(value);
    if (this.added !== null) for (const [other, value] of this.added) if (other === name) lines.push(value);
    return lines;
  }

  headerEntries(): readonly Line[] {
    const entries: Line[] = [];
    const fields = this.#fields;
    for (let i = 0; fields !== null && i < fields.count; i++) {
      const name = fields.lowerName(i);
      if (!this.isRemoved(name)) entries.push([name, fields.value(i)]);
    }
    entries.push(...this.#kept(), ...(this.added ?? NO_LINES));
    return entries;
  }

  setHeader(name: string, value: string): void {
    this.removeHeader(name);
    this.addHeader(name, value);
  }

  addHeader(name: string, value: string): void {
    const lower = checkedName(name, value);
    // Most lists stay that short: an empty one would grow at once.
    if (this.added === null) this.added = [[lower, value]];
    else this.added.push([lower, value]);
  }

  removeHeader(name: string): void {
    const lower = lowerOf(name);
    if (this.#fields?.hasAlike(lower) === false) this.#lacking[this.#lackingCount++] = lower;
    else if (this.removed === null) this.removed = [lower];
    else if (!this.removed.includes(lower)) this.removed.push(lower);
    this.#dropAdded(lower);
  }

  removeHeaders(names: readonly string[]): void {
    if (this.#fields?.hasAnyAlike(names) !== false) {
      for (let i = 0; i < names.length; i++) this.removeHeader(names[i]!);
      return;
    }
    this.#lacking[this.#lackingCount++] = names;
    for (let i = 0; this.added !== null && i < names.length; i++) this.#dropAdded(names[i]!);
  }

  #dropAdded(lower: string): void {
    const { added } = this;
    if (added === null) return;
    for (let i = 0; i < added.length; i++) {
      if (!alikeNames(added[i]![0], lower)) continue;
      this.added = added.filter(([other]) => !alikeNames(other, lower));
      return;
    }
  }

  /** Lines of a message made here that are left. */
  #kept(): readonly Line[] {
    return this.removed === null ? this.#lines : this.#lines.filter(([name]) => !this.isRemoved(name));
  }

  /** Lines to send that are not part of a parsed message, as text of a head. */
  ownText(): string {
    let text = '';
    if (this.#lines !== NO_LINES) text = textOf(this.#kept());
    return this.added === null ? text : text + textOf(this.added);
  }
}

function hasAlikeName(names: readonly string[], lowerName: string): boolean {
  for (let i = 0; i < names.length; i++) if (alikeNames(names[i]!, lowerName)) return true;
  return false;
}

function textOf(lines: readonly Line[]): string {
  let text = '';
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    text += `${line[0]}: ${line[1]}\r\n`;
  }
  return text;
}

/** Several lines of one name as one value (RFC 9110 section 5.3). */
function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

function joinedOf(lines: readonly Line[], name: string, before: string | null): string | null {
  let value = before;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line[0] === name) value = joined(value, line[1]);
  }
  return value;
}
