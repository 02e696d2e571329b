import type { Claims } from '../../lib/token-claims.ts';

/** A JWS in compact form (RFC 7515 section 7.1) whose payload is a JSON object; nothing of it is believed yet. */
export interface CompactToken {
  readonly header: TokenHeader;
  /** Without a prototype: `constructor` is a claim only where the token has it. */
  readonly claims: Claims;
  /** What the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | null;
  readonly typ: string | null;
  readonly fields: Claims;
}

/** Deeper than this no claim nests; what reads claims may recurse. */
const MAX_DEPTH = 32;
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Null for what is no such token, or asks for what we don't do: an unencoded payload, an extension. */
export function parseCompact(token: string): CompactToken | null {
  if (!SHAPE.test(token)) return null;
  const first = token.indexOf('.');
  const last = token.lastIndexOf('.');
  const header = parseHeader(jsonObject(token.slice(0, first)));
  const signature = decode(token.slice(last + 1));
  if (header === null || signature === null) return null;
  const claims = jsonObject(token.slice(first + 1, last));
  if (claims === null) return null;
  return { header, claims, signed: Buffer.from(token.slice(0, last), 'latin1'), signature };
}

function parseHeader(fields: Claims | null): TokenHeader | null {
  if (fields === null || typeof fields.alg !== 'string' || !extensionsKnown(fields)) return null;
  const { alg, kid, typ } = fields;
  if (kid !== undefined && typeof kid !== 'string') return null;
  if (typ !== undefined && typeof typ !== 'string') return null;
  return { alg, kid: kid ?? null, typ: typ ?? null, fields };
}

/**
 * `crit` names what a reader must know (RFC 7515 section 4.1.11). We know `b64`, of which a JWT may only have `true`
 * (RFC 7797 section 7); it may not be there unless `crit` names it.
 */
function extensionsKnown(fields: Claims): boolean {
  const { crit, b64 } = fields;
  if (crit === undefined) return b64 === undefined;
  return Array.isArray(crit) && crit.length === 1 && crit[0] === 'b64' && b64 === true;
}

function jsonObject(encoded: string): Claims | null {
  const bytes = decode(encoded);
  if (bytes === null || depthOf(bytes) > MAX_DEPTH) return null;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return Object.assign(Object.create(null) as Record<string, unknown>, value);
  } catch {
    return null;
  }
}

/** How deep arrays and objects nest; brackets in texts don't count. */
function depthOf(json: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** base64url without padding; null when the last character has bits that mean nothing, so that a token has one form. */
function decode(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
