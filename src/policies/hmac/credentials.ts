/** What a client says of its signature: `hmac username="…", algorithm="…", headers="…", signature="…"`. */
export interface HmacCredentials {
  readonly username: string;
  /** `hmac-sha256` */
  readonly algorithm: string;
  /** Names as written: the signer signed them like that. */
  readonly headers: readonly string[];
  readonly signature: Buffer;
}

/** token, blanks, `=`, blanks, a quoted string or a token (RFC 9110 section 11.2); then the end or a comma. */
const PARAMETER =
  /[ \t,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))[ \t]*(?:,|$)/y;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * @param text what follows the scheme
 * @returns null for what can't be read, or says a thing twice.
 */
export function parseCredentials(text: string): HmacCredentials | null {
  const params = parseParameters(text);
  if (params === null) return null;
  const username = params.get('username');
  const algorithm = params.get('algorithm');
  const signature = params.get('signature');
  if (!username || !algorithm || !signature || !BASE64.test(signature)) return null;
  const headers = (params.get('headers') ?? 'date').split(' ').filter((name) => name !== '');
  const names = headers.map((name) => name.toLowerCase());
  if (headers.length === 0 || new Set(names).size < names.length) return null;
  return { username, algorithm, headers, signature: Buffer.from(signature, 'base64') };
}

function parseParameters(text: string): ReadonlyMap<string, string> | null {
  const params = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < text.length) {
    const found = PARAMETER.exec(text);
    if (found === null) return null;
    const name = found[1]!.toLowerCase();
    if (params.has(name)) return null;
    params.set(name, found[2]?.replace(/\\(.)/g, '$1') ?? found[3]!);
  }
  return params;
}
