/** Longest texts that are logged, in UTF-16 code units; what is cut ends with `...`. */
export const MAX_TEXT = { long: 2_048, short: 512 } as const;

/** Nothing in it needs escaping, in JSON or in text: printable ASCII without `"` and `\`. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Starting the regular expression costs more than looking at a few characters. */
const SHORT = 16;

function isPlain(value: string): boolean {
  if (value.length > SHORT) return PLAIN.test(value);
  for (let i = 0; i < value.length; i += 1) {
    if (!isPlainUnit(value.charCodeAt(i))) return false;
  }
  return true;
}

function isPlainUnit(unit: number): boolean {
  return unit >= 0x20 && unit < 0x7f && unit !== 0x22 && unit !== 0x5c;
}

/**
 * The inside of a JSON string in pure ASCII. Whatever code units come in, the result has no quote, control
 * byte, line break (U+2028 too) or invalid sequence; a lone surrogate becomes U+FFFD.
 */
export function jsonText(value: string, maxLength: number): string {
  const cut = value.length > maxLength ? `${value.slice(0, maxLength)}...` : value;
  return isPlain(cut) ? cut : escapeAll(cut.toWellFormed(), jsonUnit);
}

/** The same for lines of text: `\xHH` as nginx writes it, `\uHHHH` above U+00FF; `-` for an empty value. */
export function plainText(value: string, maxLength: number): string {
  if (value === '') return '-';
  const cut = value.length > maxLength ? `${value.slice(0, maxLength)}...` : value;
  return isPlain(cut) ? cut : escapeAll(cut.toWellFormed(), plainUnit);
}

function escapeAll(value: string, escapeUnit: (unit: number) => string): string {
  let escaped = '';
  for (let i = 0; i < value.length; i += 1) {
    const unit = value.charCodeAt(i);
    escaped += isPlainUnit(unit) ? value[i] : escapeUnit(unit);
  }
  return escaped;
}

function jsonUnit(unit: number): string {
  if (unit === 0x22) return '\\"';
  if (unit === 0x5c) return '\\\\';
  return `\\u${hex(unit, 4)}`;
}

function plainUnit(unit: number): string {
  return unit <= 0xff ? `\\x${hex(unit, 2)}` : `\\u${hex(unit, 4)}`;
}

function hex(unit: number, width: number): string {
  return unit.toString(16).toUpperCase().padStart(width, '0');
}
