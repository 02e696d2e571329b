/** A character that may be part of the name of a scheme (RFC 9110 section 5.6.2). */
const TOKEN_CHARACTER = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/**
 * What a value of Authorization or its like says to one scheme; null where it is of another scheme, or has none.
 *
 * Whatever blank follows the name, it is ours: servers that take a tab or a no-break space for a blank must not see what nobody
 * has proved. Where the scheme comes only behind a comma (a second line of the header, or what a proxy has made of two),
 * nobody can tell which one the backend would believe: the result is then the whole value, which is no credential of any scheme.
 * @param scheme lower case
 */
export function credentialOf(value: string, scheme: string): string | null {
  const own = afterScheme(value, scheme);
  if (own !== null) return own === '' ? null : own;
  if (!value.includes(',')) return null;
  return value.split(',').some((piece) => (afterScheme(piece, scheme) ?? '') !== '') ? value : null;
}

function afterScheme(value: string, scheme: string): string | null {
  const text = value.trimStart();
  if (text.slice(0, scheme.length).toLowerCase() !== scheme) return null;
  const rest = text.slice(scheme.length);
  return rest === '' || !TOKEN_CHARACTER.test(rest[0]!) ? rest.trim() : null;
}
