/** What a client sends (RFC 7617). */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 section 2 forbids them
const CONTROLS = /[\x00-\x1f\x7f]/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param encoded what follows the scheme; null when it is not what RFC 7617 says */
export function readBasic(encoded: string): BasicCredentials | null {
  if (!BASE64.test(encoded)) return null;
  let text: string;
  try {
    text = UTF8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return null;
  }
  const colon = text.indexOf(':');
  if (colon < 0 || CONTROLS.test(text)) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
