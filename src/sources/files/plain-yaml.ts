/** What {@link readPlainYaml} returns for a document that it leaves to the full parser. */
export const NOT_PLAIN: unique symbol = Symbol('not plain YAML');

type Collection = unknown[] | Record<string, unknown>;

const MAX_DEPTH = 24;
const CHARACTERS = /^[\n\x20-\x7e]*$/;
const FIRST_LINE = /^--- *\n/;
const KEY = /[A-Za-z][A-Za-z0-9_./-]*(?=: |:\n|:$)/y;
const FLOW_KEY = /[A-Za-z][A-Za-z0-9_./-]*(?=: )/y;
const FLOW_WORD = /[A-Za-z0-9/][A-Za-z0-9_./+-]*(?= *[,\]}])/y;
/** What may begin a scalar without quotes and has no other meaning, nor begins a number with a sign or a dot. */
const WORD_START = /[A-Za-z0-9/$(^_]/y;
const SMALL_INTEGER = /^(?:0|[1-9][0-9]{0,14})$/;
/** Some number, in whatever notation, or what looks like one. */
const NUMBER_LIKE = /^[0-9][-+.0-9A-Fa-fxo_]*$/;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...['null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

const LINE_END = 10;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const SINGLE_QUOTE = 39;
const COMMA = 44;
const DASH = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_MAP = 123;
const CLOSE_MAP = 125;

/** Thrown to give up, never out of this file. */
const GIVE_UP = new Error('not plain YAML');

/**
 * Reads the YAML that people mostly write: one block map in ASCII; lists, maps and scalars that end on their line. It takes a
 * tenth of the time of the full parser, which with 10,000 routes is most of a start.
 *
 * At the least doubt (anchors, tags, block scalars, escapes, odd numbers, whatever would be an error) it returns
 * {@link NOT_PLAIN}, and the full parser decides. What it does return is what the full parser would.
 */
export function readPlainYaml(text: string): unknown {
  if (!CHARACTERS.test(text)) return NOT_PLAIN;
  try {
    return new PlainReader(text).read();
  } catch (error) {
    if (error === GIVE_UP) return NOT_PLAIN;
    throw error;
  }
}

class PlainReader {
  readonly #text: string;
  /** Next character. */
  #at: number;
  /** Column of the first character of the line that comes next, or of what follows its dash; -1 at the end. */
  #indent = 0;

  constructor(text: string) {
    this.#text = text;
    this.#at = FIRST_LINE.exec(text)?.[0].length ?? 0;
  }

  read(): Collection {
    this.#nextLine();
    if (this.#indent !== 0) throw GIVE_UP;
    const value = this.#map(0, 1);
    if (this.#at < this.#text.length) throw GIVE_UP;
    return value;
  }

  #block(indent: number, depth: number): Collection {
    if (depth > MAX_DEPTH) throw GIVE_UP;
    return this.#isDash() ? this.#list(indent, depth) : this.#map(indent, depth);
  }

  #map(indent: number, depth: number): Collection {
    const map: Record<string, unknown> = {};
    do {
      const key = this.#key(KEY, map);
      map[key] = this.#fieldValue(indent, depth);
    } while (this.#indent === indent);
    if (this.#indent > indent) throw GIVE_UP;
    return map;
  }

  /** Leaves the reader behind the colon. */
  #key(pattern: RegExp, map: object): string {
    const key = this.#take(pattern);
    if ((mayBeNamed(key) && WORDS.has(key)) || Object.hasOwn(map, key)) throw GIVE_UP;
    this.#at += 1;
    return key;
  }

  #fieldValue(indent: number, depth: number): unknown {
    this.#skipSpaces();
    if (!this.#isLineOver()) return this.#inline(depth);
    this.#nextLine();
    if (this.#indent > indent) return this.#block(this.#indent, depth + 1);
    return this.#indent === indent && this.#isDash() ? this.#list(indent, depth + 1) : null;
  }

  #list(indent: number, depth: number): Collection {
    const list: unknown[] = [];
    do {
      const dash = this.#at;
      this.#at += 1;
      this.#skipSpaces();
      KEY.lastIndex = this.#at;
      if (KEY.test(this.#text)) {
        this.#indent = indent + this.#at - dash;
        list.push(this.#block(this.#indent, depth + 1));
      } else list.push(this.#inline(depth));
    } while (this.#indent === indent && this.#isDash());
    if (this.#indent > indent) throw GIVE_UP;
    return list;
  }

  /** A value to the end of its line. */
  #inline(depth: number): unknown {
    const code = this.#code();
    const value =
      code === OPEN_MAP || code === OPEN_LIST || code === DOUBLE_QUOTE || code === SINGLE_QUOTE
        ? this.#flow(depth + 1)
        : this.#words();
    this.#skipSpaces();
    if (!this.#isLineOver()) throw GIVE_UP;
    this.#nextLine();
    return value;
  }

  /** A scalar without quotes, outside of flow collections. */
  #words(): unknown {
    WORD_START.lastIndex = this.#at;
    if (!WORD_START.test(this.#text)) throw GIVE_UP;
    const end = this.#lineEnd();
    const line = this.#text.slice(this.#at, end);
    const comment = line.indexOf(' #');
    const words = (comment === -1 ? line : line.slice(0, comment)).trimEnd();
    if (words.includes(': ') || words.endsWith(':')) throw GIVE_UP;
    this.#at = end;
    return scalarOf(words);
  }

  /** A collection or scalar within a line. */
  #flow(depth: number): unknown {
    if (depth > MAX_DEPTH) throw GIVE_UP;
    switch (this.#code()) {
      case OPEN_MAP:
        return this.#flowMap(depth);
      case OPEN_LIST:
        return this.#flowList(depth);
      case DOUBLE_QUOTE:
        return this.#quoted('"');
      case SINGLE_QUOTE:
        return this.#quoted("'");
      default:
        return scalarOf(this.#take(FLOW_WORD));
    }
  }

  #flowMap(depth: number): Collection {
    const map: Record<string, unknown> = {};
    if (this.#opensEmpty(CLOSE_MAP)) return map;
    do {
      const key = this.#key(FLOW_KEY, map);
      this.#skipSpaces();
      map[key] = this.#flow(depth + 1);
    } while (this.#isContinued(CLOSE_MAP));
    return map;
  }

  #flowList(depth: number): Collection {
    const list: unknown[] = [];
    if (this.#opensEmpty(CLOSE_LIST)) return list;
    do list.push(this.#flow(depth + 1));
    while (this.#isContinued(CLOSE_LIST));
    return list;
  }

  /** Takes the opening bracket, and the closing one if nothing is between. */
  #opensEmpty(close: number): boolean {
    this.#at += 1;
    this.#skipSpaces();
    if (this.#code() !== close) return false;
    this.#at += 1;
    return true;
  }

  /** Takes a comma, or the closing bracket. */
  #isContinued(close: number): boolean {
    this.#skipSpaces();
    const code = this.#code();
    if (code !== COMMA && code !== close) throw GIVE_UP;
    this.#at += 1;
    if (code === close) return false;
    this.#skipSpaces();
    return true;
  }

  /** Without escapes. */
  #quoted(quote: '"' | "'"): string {
    const start = this.#at + 1;
    const end = this.#text.indexOf(quote, start);
    if (end === -1 || (quote === "'" && this.#text.charCodeAt(end + 1) === SINGLE_QUOTE)) throw GIVE_UP;
    const value = this.#text.slice(start, end);
    if (value.includes('\n') || (quote === '"' && value.includes('\\'))) throw GIVE_UP;
    this.#at = end + 1;
    return value;
  }

  #take(pattern: RegExp): string {
    const start = this.#at;
    pattern.lastIndex = start;
    if (!pattern.test(this.#text)) throw GIVE_UP;
    this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #isDash(): boolean {
    return this.#code() === DASH && this.#text.charCodeAt(this.#at + 1) === SPACE;
  }

  #skipSpaces(): void {
    while (this.#code() === SPACE) this.#at += 1;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end === -1 ? this.#text.length : end;
  }

  /** Nothing but a comment is left of the line. */
  #isLineOver(): boolean {
    const code = this.#code();
    if (code === HASH) return this.#text.charCodeAt(this.#at - 1) === SPACE;
    return code === LINE_END || this.#at >= this.#text.length;
  }

  /** Goes to the next line that says something, from the end or the beginning of one. */
  #nextLine(): void {
    if (this.#at > 0 && this.#text.charCodeAt(this.#at - 1) !== LINE_END) this.#at = this.#lineEnd() + 1;
    for (;;) {
      const start = this.#at;
      this.#skipSpaces();
      if (this.#at >= this.#text.length) {
        this.#indent = -1;
        return;
      }
      const code = this.#code();
      if (code !== LINE_END && code !== HASH) {
        this.#indent = this.#at - start;
        return;
      }
      this.#at = this.#lineEnd() + 1;
    }
  }
}

function scalarOf(word: string): unknown {
  const first = word.charCodeAt(0);
  if (first >= ZERO && first <= NINE && NUMBER_LIKE.test(word)) {
    if (!SMALL_INTEGER.test(word)) throw GIVE_UP;
    return Number(word);
  }
  if (!mayBeNamed(word)) return word;
  const named = WORDS.get(word);
  return named === undefined ? word : named;
}

/** Spares most words a look-up in {@link WORDS}. */
function mayBeNamed({ length }: string): boolean {
  return length === 4 || length === 5;
}
