import { type BareItem, type InnerList, type Item, type Member, type Parameters, TRUE } from './model.ts';

/** Reads structured fields (RFC 9651 section 4.2) strictly and in one walk. */

/** What is wrong with a field and at which character. */
export class StructuredFieldError extends Error {
  constructor(message: string, at: number) {
    super(`${message} at character ${at + 1}`);
    this.name = 'StructuredFieldError';
  }
}

const NO_PARAMS: Parameters = new Map();
const FALSE: BareItem = { kind: 'boolean', value: false, text: '?0' };

const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const PERCENT = 0x25;
const OPEN = 0x28;
const CLOSE = 0x29;
const STAR = 0x2a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const AT = 0x40;
const BACKSLASH = 0x5c;

const KEY = charTable('abcdefghijklmnopqrstuvwxyz0123456789_-.*');
const TOKEN = charTable("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~:/");
const BASE64 = charTable('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

function charTable(chars: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const isLower = (code: number) => code >= 0x61 && code <= 0x7a;
const isAlpha = (code: number) => isLower(code | 0x20);

/** @throws StructuredFieldError */
export function parseDictionary(field: string): ReadonlyMap<string, Member> {
  return new Parser(field).dictionary();
}

/** @throws StructuredFieldError */
export function parseList(field: string): readonly Member[] {
  return new Parser(field).list();
}

/** @throws StructuredFieldError */
export function parseItem(field: string): Item {
  return new Parser(field).onlyItem();
}

/** Section 4.2. `#at` is the next character to read; past the end its code is NaN. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  dictionary(): ReadonlyMap<string, Member> {
    const dictionary = new Map<string, Member>();
    this.#members(() => {
      const key = this.#key();
      // Of a key that comes twice the last value counts, at the place of the first (section 4.2.2).
      if (this.#peek() !== EQUALS) {
        dictionary.set(key, { kind: 'item', bare: TRUE, params: this.#params() });
      } else {
        this.#at++;
        dictionary.set(key, this.#member());
      }
    });
    return dictionary;
  }

  list(): readonly Member[] {
    const list: Member[] = [];
    this.#members(() => list.push(this.#member()));
    return list;
  }

  onlyItem(): Item {
    this.#skipSpaces();
    const item = this.#item();
    this.#skipSpaces();
    if (this.#at < this.#text.length) this.#fail('something follows the item');
    return item;
  }

  #peek(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #fail(message: string): never {
    throw new StructuredFieldError(message, this.#at);
  }

  #skipSpaces(): void {
    while (this.#peek() === SPACE) this.#at++;
  }

  #skipBlanks(): void {
    for (let code = this.#peek(); code === SPACE || code === TAB; code = this.#peek()) this.#at++;
  }

  #members(read: () => void): void {
    this.#skipSpaces();
    while (this.#at < this.#text.length) {
      read();
      this.#skipBlanks();
      if (this.#at >= this.#text.length) return;
      if (this.#peek() !== COMMA) this.#fail('a comma is missing');
      this.#at++;
      this.#skipBlanks();
      if (this.#at >= this.#text.length) this.#fail('nothing follows the last comma');
    }
  }

  #member(): Member {
    return this.#peek() === OPEN ? this.#innerList() : this.#item();
  }

  #innerList(): InnerList {
    this.#at++;
    const items: Item[] = [];
    for (;;) {
      this.#skipSpaces();
      if (this.#peek() === CLOSE) break;
      items.push(this.#item());
      const next = this.#peek();
      if (next !== SPACE && next !== CLOSE) this.#fail('a space or ) is missing');
    }
    this.#at++;
    return { kind: 'innerList', items, params: this.#params() };
  }

  #item(): Item {
    return { kind: 'item', bare: this.#bareItem(), params: this.#params() };
  }

  #params(): Parameters {
    if (this.#peek() !== SEMICOLON) return NO_PARAMS;
    const params = new Map<string, BareItem>();
    while (this.#peek() === SEMICOLON) {
      this.#at++;
      this.#skipSpaces();
      const key = this.#key();
      if (this.#peek() === EQUALS) {
        this.#at++;
        params.set(key, this.#bareItem());
      } else {
        params.set(key, TRUE);
      }
    }
    return params;
  }

  #key(): string {
    const start = this.#at;
    const first = this.#peek();
    if (!isLower(first) && first !== STAR) this.#fail('a key is missing');
    while (KEY[this.#peek()] === 1) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #bareItem(): BareItem {
    const code = this.#peek();
    if (code === QUOTE) return this.#string();
    if (code === MINUS || isDigit(code)) return this.#number();
    if (code === COLON) return this.#bytes();
    if (code === QUESTION) return this.#boolean();
    if (code === STAR || isAlpha(code)) return this.#token();
    if (code === AT) return this.#date();
    if (code === PERCENT) return this.#displayString();
    return this.#fail('a value is missing');
  }

  /** A string is canonical as it is written: only what must be escaped may be. */
  #string(): BareItem {
    const start = this.#at++;
    let escaped = false;
    for (; ; this.#at++) {
      let code = this.#peek();
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        this.#at++;
        code = this.#peek();
        if (code !== QUOTE && code !== BACKSLASH) this.#fail('only " and \\ may be escaped');
      }
      if (!(code >= 0x20 && code < 0x7f)) this.#fail('a string must end, and be of printable ASCII');
    }
    this.#at++;
    const text = this.#text.slice(start, this.#at);
    const inner = text.slice(1, -1);
    return { kind: 'string', value: escaped ? inner.replace(/\\(.)/g, '$1') : inner, text };
  }

  #token(): BareItem {
    const start = this.#at++;
    while (TOKEN[this.#peek()] === 1) this.#at++;
    const value = this.#text.slice(start, this.#at);
    return { kind: 'token', value, text: value };
  }

  /** Section 4.2.4: at most 15 digits, or 12 before the point and 3 behind it. */
  #number(): BareItem {
    const negative = this.#peek() === MINUS;
    if (negative) this.#at++;
    const whole = this.#digits();
    if (this.#peek() !== DOT) {
      if (whole.length > 15) this.#fail('a number has more than 15 digits');
      const magnitude = Number(whole);
      const value = negative && magnitude > 0 ? -magnitude : magnitude;
      return { kind: 'integer', value, text: String(value) };
    }
    if (whole.length > 12) this.#fail('a decimal has more than 12 digits before the point');
    this.#at++;
    const fraction = this.#digits();
    if (fraction.length > 3) this.#fail('a decimal has more than 3 digits behind the point');
    const magnitude = Number(`${whole}.${fraction}`);
    const value = negative && magnitude > 0 ? -magnitude : magnitude;
    return { kind: 'decimal', value, text: Number.isInteger(value) ? `${value}.0` : String(value) };
  }

  #digits(): string {
    const start = this.#at;
    while (isDigit(this.#peek())) this.#at++;
    if (this.#at === start) this.#fail('a digit is missing');
    return this.#text.slice(start, this.#at);
  }

  #date(): BareItem {
    this.#at++;
    const seconds = this.#number();
    if (seconds.kind !== 'integer') this.#fail('a date is a whole number');
    return { kind: 'date', value: seconds.value as number, text: `@${seconds.text}` };
  }

  /** Canonical base64 only: with padding, and with nothing in the bits that it leaves unused. */
  #bytes(): BareItem {
    const start = ++this.#at;
    while (BASE64[this.#peek()] === 1) this.#at++;
    while (this.#peek() === EQUALS) this.#at++;
    if (this.#peek() !== COLON) this.#fail('bytes must be base64 between colons');
    const value = Buffer.from(this.#text.slice(start, this.#at), 'base64');
    const text = this.#text.slice(start - 1, ++this.#at);
    if (`:${value.toString('base64')}:` !== text) this.#fail('bytes must be canonical base64');
    return { kind: 'bytes', value, text };
  }

  #boolean(): BareItem {
    const code = this.#text.charCodeAt(this.#at + 1);
    if (code !== 0x30 && code !== 0x31) this.#fail('a boolean is ?0 or ?1');
    this.#at += 2;
    return code === 0x31 ? TRUE : FALSE;
  }

  /** Section 4.2.10. */
  #displayString(): BareItem {
    const start = this.#at;
    const octets: number[] = [];
    if (this.#text.charCodeAt(++this.#at) !== QUOTE) this.#fail('a display string begins with %"');
    for (this.#at++; this.#peek() !== QUOTE; this.#at++) {
      const code = this.#peek();
      if (!(code >= 0x20 && code < 0x7f)) this.#fail('a display string must end, and be of printable ASCII');
      if (code !== PERCENT) {
        octets.push(code);
        continue;
      }
      const hex = this.#text.slice(this.#at + 1, this.#at + 3);
      if (!/^[0-9a-f]{2}$/.test(hex)) this.#fail('two lower-case hex digits must follow %');
      octets.push(Number.parseInt(hex, 16));
      this.#at += 2;
    }
    this.#at++;
    return this.#display(Buffer.from(octets), start);
  }

  /** What need not be escaped is not, in canonical form. */
  #display(octets: Buffer, start: number): BareItem {
    const value = octets.toString();
    if (!Buffer.from(value).equals(octets)) {
      this.#at = start;
      this.#fail('a display string must be UTF-8');
    }
    let text = '%"';
    for (const octet of octets) {
      const escaped = octet === PERCENT || octet === QUOTE || octet < 0x20 || octet > 0x7e;
      text += escaped ? `%${octet.toString(16).padStart(2, '0')}` : String.fromCharCode(octet);
    }
    return { kind: 'displayString', value, text: `${text}"` };
  }
}
