import { COLON, QUESTION, SLASH } from './chars.ts';
import { equalsName, nameOctets } from './header-kind.ts';
import { isText, latin1 } from './latin1.ts';
import { RefusalCode } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

const ASTERISK = 0x2a;
const SCHEMES = [
  { scheme: 'http', octets: nameOctets('http') },
  { scheme: 'https', octets: nameOctets('https') },
] as const;

/** Sets form, path, query and authority from the target (RFC 9112 section 3.2). Host was read before. */
export function parseTarget(bytes: Uint8Array, out: RequestHead): RefusalCode {
  const { targetStart, targetEnd, pathEnd } = out.line;
  out.scheme = '';
  // The one of the request before is a string already.
  if (!isText(bytes, targetStart, targetEnd, out.target)) out.target = latin1(bytes, targetStart, targetEnd);
  out.query = pathEnd === targetEnd ? '' : out.target.slice(pathEnd + 1 - targetStart);
  if (out.method === 'CONNECT') return parseAuthorityForm(bytes, out);
  const first = bytes[targetStart];
  if (first === SLASH) {
    out.targetForm = 'origin';
    out.path = pathEnd === targetEnd ? out.target : out.target.slice(0, pathEnd - targetStart);
    return RefusalCode.OK;
  }
  if (first === ASTERISK) {
    out.targetForm = 'asterisk';
    out.path = '*';
    const allowed = out.method === 'OPTIONS' && targetEnd - targetStart === 1;
    return allowed ? RefusalCode.OK : RefusalCode.badTarget;
  }
  return parseAbsoluteForm(bytes, out);
}

/** `uri-host ":" port` for CONNECT: the port is required. */
function parseAuthorityForm(bytes: Uint8Array, out: RequestHead): RefusalCode {
  const { targetStart, targetEnd } = out.line;
  const authority = out.targetAuthority;
  out.targetForm = 'authority';
  out.path = '';
  if (!authority.parse(bytes, targetStart, targetEnd) || authority.port === -1) return RefusalCode.badTarget;
  if (out.controls.hostLines !== 0) {
    const samePort = out.port === -1 || out.port === authority.port;
    if (!samePort || out.host !== authority.host) return RefusalCode.hostMismatch;
  }
  return takeAuthority(out, targetStart, targetEnd);
}

/** `http` or `https` URI without user information, whose authority is that of Host. */
function parseAbsoluteForm(bytes: Uint8Array, out: RequestHead): RefusalCode {
  const { targetStart, pathEnd } = out.line;
  const scheme = schemeAt(bytes, targetStart);
  if (scheme === '') return RefusalCode.badTarget;
  const start = targetStart + scheme.length + 3;
  let end = start;
  while (end < pathEnd && bytes[end] !== SLASH) end++;
  const authority = out.targetAuthority;
  if (!authority.parse(bytes, start, end)) return RefusalCode.badTarget;
  if (out.controls.hostLines !== 0) {
    const usual = scheme === 'http' ? 80 : 443;
    const samePort =
      (out.port === -1 ? usual : out.port) === (authority.port === -1 ? usual : authority.port);
    if (!samePort || out.host !== authority.host) return RefusalCode.hostMismatch;
  }
  out.targetForm = 'absolute';
  out.scheme = scheme;
  if (end < pathEnd) out.path = out.target.slice(end - targetStart, pathEnd - targetStart);
  // RFC 9112 section 3.2.4: OPTIONS for the server as a whole comes in this form through a proxy.
  else out.path = out.method === 'OPTIONS' && bytes[pathEnd] !== QUESTION ? '*' : '/';
  return takeAuthority(out, start, end);
}

function takeAuthority(out: RequestHead, start: number, end: number): RefusalCode {
  const { targetStart } = out.line;
  out.host = out.targetAuthority.host;
  out.port = out.targetAuthority.port;
  out.authority = out.target.slice(start - targetStart, end - targetStart);
  return RefusalCode.OK;
}

/** The scheme before `://`, or ''. */
function schemeAt(bytes: Uint8Array, at: number): '' | 'http' | 'https' {
  for (const { scheme, octets } of SCHEMES) {
    const colon = at + octets.length;
    if (bytes[colon] !== COLON || bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH) continue;
    if (equalsName(bytes, at, colon, octets)) return scheme;
  }
  return '';
}
