/** Directives of a Cache-Control field: names in lower case, `true` for those without an argument. */
export type Directives = ReadonlyMap<string, string | true>;

const NONE: Directives = new Map();

/** `token [ "=" ( token / quoted-string ) ]`, with the comma or the end behind it (RFC 9111 section 5.2). */
const DIRECTIVE =
  /\s*(?:([^\s,=";]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,";]*)))?)?([^,"]*(?:"(?:[^"\\]|\\.)*"?[^,"]*)*)(?:,|$)/y;

const DELTA_SECONDS = /^\d+$/;
/** More is as good as for ever, and sums of it stay exact (RFC 9111 section 1.2.2). */
const MAX_SECONDS = 2 ** 31;

/**
 * Reads directives. The first of a name counts; one that breaks the grammar has the argument `''`, so that whoever needs a
 * number takes it for none.
 */
export function parseDirectives(field: string | null): Directives {
  if (field === null || field === '') return NONE;
  const directives = new Map<string, string | true>();
  DIRECTIVE.lastIndex = 0;
  while (DIRECTIVE.lastIndex < field.length) {
    const found = DIRECTIVE.exec(field);
    if (found === null) break;
    const [all, name, quoted, token, rest] = found;
    if (all === '') break;
    if (name === undefined) continue;
    const lower = name.toLowerCase();
    if (directives.has(lower)) continue;
    if (rest!.trim() !== '') directives.set(lower, '');
    else if (quoted !== undefined) directives.set(lower, quoted.replaceAll(/\\(.)/g, '$1'));
    else directives.set(lower, token ?? true);
  }
  return directives;
}

/** Milliseconds of a directive in seconds; null when it is not there, -1 when it is there and no number. */
export function spanMs(directives: Directives, name: string): number | null {
  const argument = directives.get(name);
  if (argument === undefined) return null;
  if (argument === true || !DELTA_SECONDS.test(argument)) return -1;
  return Math.min(Number(argument), MAX_SECONDS) * 1000;
}

/** Header names of `no-cache="a, b"` or `private="a, b"`, in lower case; null when it is not there, or names none. */
export function fieldNames(directives: Directives, name: string): readonly string[] | null {
  const argument = directives.get(name);
  if (argument === undefined || argument === true) return null;
  const names = argument
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '');
  return names.length === 0 ? null : names;
}
