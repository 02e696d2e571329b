/**
 * One form for every way to write a path, so that matching, policies and the upstream see the same string.
 * `docs/routing.md` has the rules for people. What two servers could read differently is refused; what has
 * one meaning is brought to its canonical form (RFC 3986 section 6.2.2).
 */

/** Why a path is refused: for the 400's detail, `explain` and findings; it never quotes the path. */
export interface PathRefusal {
  readonly reason: string;
}

const NOT_ROOTED: PathRefusal = { reason: 'the path does not begin with /' };
const BAD_CHARACTER: PathRefusal = {
  reason:
    'the path has a character that must be percent-encoded: a space, control, ?, # or non-ASCII character',
};
const BACKSLASH: PathRefusal = { reason: 'the path has a backslash, which some servers read as /' };
const BAD_PERCENT: PathRefusal = { reason: 'a % in the path is not followed by two hexadecimal digits' };
const ENCODED_SLASH: PathRefusal = { reason: 'the path has an encoded slash or backslash (%2F, %5C)' };
const ENCODED_CONTROL: PathRefusal = {
  reason: 'the path has an encoded control character (%00 to %1F, %7F)',
};
const BAD_UTF8: PathRefusal = { reason: 'the percent codes of the path are not valid UTF-8' };
const ENCODED_TWICE: PathRefusal = {
  reason: 'the path has a dot, slash, backslash or NUL that is encoded twice',
};
const ABOVE_ROOT: PathRefusal = { reason: 'the path climbs above its root by ..' };
const DOTS_WITH_PARAMETER: PathRefusal = { reason: 'the path has a . or .. segment with ; parameters' };

/** What is known of an ASCII character. */
const REFUSED = 0;
/** May stand as it is: pchar of RFC 3986 section 3.3 but `%`. */
const PLAIN = 1;
/** Plain, and never percent-encoded in the canonical form: section 2.3. */
const UNRESERVED = 2;
/** Must be percent-encoded, yet browsers send it as it is: it gets encoded. */
const TO_ENCODE = 3;

const CLASSES = new Uint8Array(128);
for (const char of "!$&'()*+,;=:@") CLASSES[char.charCodeAt(0)] = PLAIN;
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~') {
  CLASSES[char.charCodeAt(0)] = UNRESERVED;
}
for (const char of '"<>[]^`{|}') CLASSES[char.charCodeAt(0)] = TO_ENCODE;

/** A character that is neither plain, unreserved nor a slash, and what may become of a run of slashes or dots. */
const TO_LOOK_AT = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]|\/[/.]/;

const SLASH = 47;
const PERCENT = 37;

/**
 * The canonical form of a path (without query), or null when it is refused. Idempotent. A path that is
 * canonical already, as nearly all are, is read once and returned as it is.
 */
export function normalizePath(raw: string): string | null {
  if (raw.charCodeAt(0) === SLASH && !TO_LOOK_AT.test(raw)) return raw;
  const path = canonicalize(raw);
  return typeof path === 'string' ? path : null;
}

/** Why {@link normalizePath} refuses the path; null when it does not. */
export function pathRefusal(raw: string): PathRefusal | null {
  const path = canonicalize(raw);
  return typeof path === 'string' ? null : path;
}

function canonicalize(raw: string): string | PathRefusal {
  if (raw.charCodeAt(0) !== SLASH) return NOT_ROOTED;
  const decoded = decode(raw);
  if (typeof decoded !== 'string') return decoded;
  if (/%25(?:25)*(?:2[EeFf]|5[Cc]|00)/.test(decoded)) return ENCODED_TWICE;
  return removeDotSegments(decoded);
}

/** Every character in its one form; segments as they are. */
function decode(raw: string): string | PathRefusal {
  let result = '';
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    const kind = code < 128 ? CLASSES[code] : REFUSED;
    if (code === SLASH || kind === UNRESERVED || kind === PLAIN) {
      result += raw[i];
    } else if (kind === TO_ENCODE) {
      result += encode(code);
    } else if (code === PERCENT) {
      const byte = hexByte(raw, i);
      if (byte === -1) return BAD_PERCENT;
      const length = byte < 128 ? 1 : utf8Length(raw, i, byte);
      if (length === 0) return BAD_UTF8;
      const char = length === 1 ? decodeAscii(byte) : raw.slice(i, i + 3 * length).toUpperCase();
      if (typeof char !== 'string') return char;
      result += char;
      i += 3 * length - 1;
    } else {
      return raw[i] === '\\' ? BACKSLASH : BAD_CHARACTER;
    }
  }
  return result;
}

function decodeAscii(byte: number): string | PathRefusal {
  if (byte < 0x20 || byte === 0x7f) return ENCODED_CONTROL;
  if (byte === SLASH || byte === 0x5c) return ENCODED_SLASH;
  return CLASSES[byte] === UNRESERVED ? String.fromCharCode(byte) : encode(byte);
}

function encode(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Value of the percent code at `at`; -1 when it is none. */
function hexByte(text: string, at: number): number {
  if (text.charCodeAt(at) !== PERCENT) return -1;
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/**
 * Bytes of the well-formed UTF-8 sequence whose first byte is the percent code at `at`; 0 when it is not
 * well-formed. The bounds of the second byte are Table 3-7 of the Unicode standard: they keep out overlong
 * forms (`%C0%AE` for a dot), surrogates and what lies past U+10FFFF.
 */
function utf8Length(text: string, at: number, first: number): number {
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (let i = 1; i < length; i++) {
    const byte = hexByte(text, at + 3 * i);
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return 0;
  }
  return length;
}

/** RFC 3986 section 5.2.4, after runs of slashes have become one. */
function removeDotSegments(path: string): string | PathRefusal {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.length === 0) return ABOVE_ROOT;
      kept.pop();
    } else if (segment !== '' && segment !== '.') {
      // Servlet containers cut the parameters off before they look for dots: `/a/..;/b` climbs there.
      if (/^\.\.?(?:;|%3B)/.test(segment)) return DOTS_WITH_PARAMETER;
      kept.push(segment);
    }
  }
  const last = segments.at(-1);
  const trailing = last === '' || last === '.' || last === '..';
  return kept.length > 0 && trailing ? `/${kept.join('/')}/` : `/${kept.join('/')}`;
}
