/** Octets that the grammar names. */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const COMMA = 0x2c;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const QUESTION = 0x3f;
export const LEFT_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const RIGHT_BRACKET = 0x5d;
export const DEL = 0x7f;

/** RFC 9110 section 5.6.2: `tchar`. */
export const TOKEN = 1;
/** RFC 9110 section 5.5: HTAB, SP, VCHAR and obs-text. */
export const FIELD_VALUE = 2;
/** `pchar` and `/` of RFC 3986, see {@link OCTET_CLASS}. */
export const PATH = 4;
/** RFC 3986 section 3.4, see {@link OCTET_CLASS}. */
export const QUERY = 8;
/** RFC 3986 section 3.2.2: `reg-name` (IPv4 addresses are of its form), without percent codes and the comma. */
export const REG_NAME = 16;
/** RFC 9110 section 5.6.4: `qdtext`. */
export const QUOTED_TEXT = 32;
/** A to Z. */
export const UPPER = 64;

const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const UNRESERVED = `${DIGITS}${LETTERS}-._~`;
const SUB_DELIMITERS = "!$&'()*+,;=";
const PCHAR = `${UNRESERVED}${SUB_DELIMITERS}:@%`;

/**
 * Class bits by octet. A request target may hold what RFC 3986 allows and what a browser following the WHATWG
 * URL standard leaves unescaped: `[ ] ^ |` in a path; those and `` \ ` { } `` in a query. Everything else
 * is refused, `#` and bytes above 0x7e among it.
 */
export const OCTET_CLASS: Uint8Array = buildClasses();

function buildClasses(): Uint8Array {
  const table = new Uint8Array(256);
  const add = (bit: number, octets: string) => {
    for (const octet of octets) table[octet.charCodeAt(0)]! |= bit;
  };
  add(TOKEN, `${DIGITS}${LETTERS}!#$%&'*+-.^_\`|~`);
  add(PATH, `${PCHAR}/[]^|`);
  add(QUERY, `${PCHAR}/?[]^|\\\`{}`);
  // `Host: a,b` is a joined list, not a name; `a%2eb` would be a second name for a.b.
  add(REG_NAME, `${UNRESERVED}!$&'()*+;=`);
  add(UPPER, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
  add(FIELD_VALUE | QUOTED_TEXT, '\t');
  for (let octet = SP; octet < 256; octet++) {
    if (octet === DEL) continue;
    table[octet]! |= FIELD_VALUE;
    if (octet !== DQUOTE && octet !== BACKSLASH) table[octet]! |= QUOTED_TEXT;
  }
  return table;
}
