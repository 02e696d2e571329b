import { COLON, CR, FIELD_VALUE, HTAB, LF, OCTET_CLASS, SP, TOKEN } from './chars.ts';
import { HEADER_NAMES, type HeaderKind, headerKind } from './header-kind.ts';
import { RefusalCode } from './refusal.ts';

const UNDERSCORE = 0x5f;
const DASH = 0x2d;
const FIRST_CAPACITY = 32;
/** Names that policies ask for are few; those that a client makes up are not remembered without end. */
const MAX_DERIVED_NAMES = 64;

/** What is made of field lines that many messages share. */
interface Derived {
  readonly values: readonly string[];
  readonly joined: Map<string, string | null>;
  /** Whether there are lines of a name or of one that only differs from it in `_` and `-`. */
  readonly alike: Map<string, boolean>;
  /** The same for lists of names. */
  readonly alikeAny: Map<readonly string[], boolean>;
  /** The lines that pass by `rules` when those named `without` are taken out. */
  text: string;
  rules: object | null;
  without: readonly string[] | null;
}

/**
 * The field lines of one head or trailer section, as offsets into their text: nothing is copied until a value is asked
 * for. Used again for other messages, or shared by equal ones; arrays grow to the longest section seen.
 *
 * A value or name that outlives the message should be copied by its keeper: engines may keep the whole section
 * alive behind a sub-string.
 */
export class Fields {
  /** The lines with the empty line that ends them, in latin1: one character an octet. */
  raw = '';
  count = 0;
  /** Of a shared one: what messages ask for again and again. */
  derived: Derived | null = null;
  nameStart = new Int32Array(FIRST_CAPACITY);
  nameEnd = new Int32Array(FIRST_CAPACITY);
  /** Without the white space around the value. */
  valueStart = new Int32Array(FIRST_CAPACITY);
  valueEnd = new Int32Array(FIRST_CAPACITY);
  /** {@link HeaderKind}; 0 for names that the gateway does not look at. */
  kind = new Uint8Array(FIRST_CAPACITY);

  /** Offset of the line's first octet. Lines follow one another, so runs of them can be sliced from `raw`. */
  lineStart(index: number): number {
    return this.nameStart[index]!;
  }

  /** Offset past the line's CRLF. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? this.nameStart[index + 1]! : this.raw.length - 2;
  }

  name(index: number): string {
    return this.raw.slice(this.nameStart[index]!, this.nameEnd[index]!);
  }

  /** The name in lower case; for known names without making a string. */
  lowerName(index: number): string {
    const kind = this.kind[index]!;
    return kind === 0 ? this.name(index).toLowerCase() : HEADER_NAMES[kind]!;
  }

  value(index: number): string {
    if (this.derived === null) return this.raw.slice(this.valueStart[index]!, this.valueEnd[index]!);
    return this.derived.values[index]!;
  }

  /** The value of the lines of that name as one (RFC 9110 section 5.3); null when there is none. `lowerName` in lower case. */
  joinedValue(lowerName: string): string | null {
    const { derived } = this;
    if (derived === null) return this.#join(lowerName);
    const known = derived.joined.get(lowerName);
    if (known !== undefined) return known;
    const value = this.#join(lowerName);
    if (derived.joined.size < MAX_DERIVED_NAMES) derived.joined.set(lowerName, value);
    return value;
  }

  /** Whether there are lines of that name, `_` and `-` taken for one. `lowerName` in lower case. */
  hasAlike(lowerName: string): boolean {
    const { derived } = this;
    if (derived === null) return this.#findAlike(lowerName);
    const known = derived.alike.get(lowerName);
    if (known !== undefined) return known;
    const has = this.#findAlike(lowerName);
    if (derived.alike.size < MAX_DERIVED_NAMES) derived.alike.set(lowerName, has);
    return has;
  }

  /** Whether {@link hasAlike} is true for one of them. */
  hasAnyAlike(lowerNames: readonly string[]): boolean {
    const { derived } = this;
    const known = derived?.alikeAny.get(lowerNames);
    if (known !== undefined) return known;
    const has = lowerNames.some((name) => this.hasAlike(name));
    if (derived !== null && derived.alikeAny.size < MAX_DERIVED_NAMES) derived.alikeAny.set(lowerNames, has);
    return has;
  }

  #findAlike(lowerName: string): boolean {
    const { length } = lowerName;
    for (let index = 0; index < this.count; index++) {
      if (this.nameEnd[index]! - this.nameStart[index]! !== length) continue;
      if (alikeNames(this.lowerName(index), lowerName)) return true;
    }
    return false;
  }

  #join(lowerName: string): string | null {
    let value: string | null = null;
    for (let index = 0; index < this.count; index++) {
      if (!this.nameIs(index, lowerName)) continue;
      value = value === null ? this.value(index) : `${value}, ${this.value(index)}`;
    }
    return value;
  }

  /** `lowerName` may be any field name in lower case. */
  nameIs(index: number, lowerName: string): boolean {
    if (this.nameEnd[index]! - this.nameStart[index]! !== lowerName.length) return false;
    return this.lowerName(index) === lowerName;
  }

  /** Index of the first line of that name, or -1. `lowerName` in lower case. */
  find(lowerName: string): number {
    for (let index = 0; index < this.count; index++) {
      if (this.nameIs(index, lowerName)) return index;
    }
    return -1;
  }

  /** Index of the first line of that kind, or -1. */
  findKind(kind: HeaderKind): number {
    for (let index = 0; index < this.count; index++) {
      if (this.kind[index] === kind) return index;
    }
    return -1;
  }

  /** From now on several messages may have it, and it must not be read into. */
  share(): void {
    const values = Array.from({ length: this.count }, (_, index) => this.value(index));
    this.derived = {
      values,
      joined: new Map(),
      alike: new Map(),
      alikeAny: new Map(),
      text: '',
      rules: null,
      without: null,
    };
  }

  /** Doubles the room. */
  grow(): void {
    const wider = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.nameStart = wider(this.nameStart);
    this.nameEnd = wider(this.nameEnd);
    this.valueStart = wider(this.valueStart);
    this.valueEnd = wider(this.valueEnd);
    const kind = new Uint8Array(this.kind.length * 2);
    kind.set(this.kind);
    this.kind = kind;
  }
}

/** `x_user` and `x-user` are one name to many applications (CGI). */
export function alikeNames(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (dashed(a.charCodeAt(i)) !== dashed(b.charCodeAt(i))) return false;
  }
  return true;
}

function dashed(code: number): number {
  return code === UNDERSCORE ? DASH : code;
}

/**
 * Reads the field lines from byte `pos` to the empty line that must end at `end` (RFC 9112 section 5). Strict: no
 * folding, no space before the colon, no bare CR or LF, no control bytes but HTAB.
 *
 * The offsets count from `pos`; the caller sets `fields.raw`. CRLF must stand at `end - 2` and, unless `pos` is there, also at
 * `end - 4`: that is what stops every loop here.
 */
export function parseFieldLines(
  bytes: Uint8Array,
  pos: number,
  end: number,
  fields: Fields,
  maxFields: number,
): RefusalCode {
  let count = 0;
  let at = pos;
  for (;;) {
    const nameStart = at;
    let octet = bytes[at]!;
    while ((OCTET_CLASS[octet]! & TOKEN) !== 0) octet = bytes[++at]!;
    if (octet !== COLON || at === nameStart) {
      fields.count = count;
      if (octet === CR && at === nameStart) return endOfLines(bytes, at, end);
      return nameRefusal(octet, at === nameStart);
    }
    if (count === maxFields) return RefusalCode.tooManyFields;
    if (count === fields.nameStart.length) fields.grow();
    fields.nameStart[count] = nameStart - pos;
    fields.nameEnd[count] = at - pos;
    fields.kind[count] = headerKind(bytes, nameStart, at);

    octet = bytes[++at]!;
    while (octet === SP || octet === HTAB) octet = bytes[++at]!;
    const valueStart = at;
    while ((OCTET_CLASS[octet]! & FIELD_VALUE) !== 0) octet = bytes[++at]!;
    if (octet !== CR || bytes[at + 1] !== LF) return valueRefusal(octet);
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    fields.valueStart[count] = valueStart - pos;
    fields.valueEnd[count] = valueEnd - pos;
    count++;
    at += 2;
  }
}

/** Whether bytes [0,end) end with CRLFCRLF. */
export function endsWithEmptyLine(bytes: Uint8Array, end: number): boolean {
  return (
    end >= 4 &&
    bytes[end - 1] === LF &&
    bytes[end - 2] === CR &&
    bytes[end - 3] === LF &&
    bytes[end - 4] === CR
  );
}

/** OWS (RFC 9110 section 5.6.3). */
function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

/** `at` is the CR of what should be the empty line. */
function endOfLines(bytes: Uint8Array, at: number, end: number): RefusalCode {
  if (bytes[at + 1] !== LF) return RefusalCode.bareCarriageReturn;
  return at + 2 === end ? RefusalCode.OK : RefusalCode.headNotTerminated;
}

/** What stands where a name should go on, or its colon should be. */
function nameRefusal(octet: number, first: boolean): RefusalCode {
  if (isBlank(octet)) return first ? RefusalCode.foldedLine : RefusalCode.spaceBeforeColon;
  if (octet === CR) return RefusalCode.missingColon;
  return octet === LF ? RefusalCode.bareLineFeed : RefusalCode.badFieldName;
}

function valueRefusal(octet: number): RefusalCode {
  if (octet === CR) return RefusalCode.bareCarriageReturn;
  return octet === LF ? RefusalCode.bareLineFeed : RefusalCode.controlByte;
}
