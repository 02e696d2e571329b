/** What the first bytes of a connection are. */
export type FirstBytes =
  /** The beginning of a ClientHello; it is so long at least. */
  | { readonly kind: 'partial'; readonly bytes: number }
  /** @property serverName lower case, without a dot at its end; empty: it asks for none */
  | { readonly kind: 'hello'; readonly serverName: string }
  /** A request in plain HTTP. */
  | { readonly kind: 'http' }
  | { readonly kind: 'other' };

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const MAX_RECORD_BYTES = 16_384;
const HANDSHAKE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

const OTHER: FirstBytes = { kind: 'other' };

/**
 * Reads the ClientHello (RFC 8446 section 4.1.2) at the start of a connection, as far as choosing a certificate asks: the
 * server name (RFC 6066 section 3). It may be spread over records. What is no ClientHello is left to OpenSSL to refuse.
 */
export function readFirstBytes(bytes: Uint8Array): FirstBytes {
  const first = bytes[0];
  if (first !== undefined && isUpperCase(first)) return { kind: 'http' };
  const handshake = new Uint8Array(bytes.length);
  let length = 0;
  let at = 0;
  for (;;) {
    if (at + RECORD_HEADER_BYTES > bytes.length) {
      const isRecord = first === undefined || first === HANDSHAKE_RECORD;
      return isRecord ? { kind: 'partial', bytes: at + RECORD_HEADER_BYTES } : OTHER;
    }
    const recordBytes = uint16(bytes, at + 3);
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3) return OTHER;
    if (recordBytes === 0 || recordBytes > MAX_RECORD_BYTES) return OTHER;
    const end = at + RECORD_HEADER_BYTES + recordBytes;
    if (end > bytes.length) return { kind: 'partial', bytes: end };
    handshake.set(bytes.subarray(at + RECORD_HEADER_BYTES, end), length);
    length += recordBytes;
    at = end;
    if (handshake[0] !== CLIENT_HELLO) return OTHER;
    if (length < HANDSHAKE_HEADER_BYTES) continue;
    const helloEnd = HANDSHAKE_HEADER_BYTES + uint24(handshake, 1);
    if (length >= helloEnd) return readHello(handshake.subarray(HANDSHAKE_HEADER_BYTES, helloEnd));
  }
}

function readHello(hello: Uint8Array): FirstBytes {
  // Version, random.
  let at = 2 + 32;
  at = past(hello, at, 1); // session id
  at = past(hello, at, 2); // cipher suites
  at = past(hello, at, 1); // compression methods
  if (at < 0) return OTHER;
  // Extensions may be absent in TLS 1.2.
  if (at === hello.length) return { kind: 'hello', serverName: '' };
  if (past(hello, at, 2) !== hello.length) return OTHER;
  at += 2;
  while (at < hello.length) {
    const end = past(hello, at + 2, 2);
    if (end < 0) return OTHER;
    if (uint16(hello, at) === SERVER_NAME) return readServerName(hello.subarray(at + 4, end));
    at = end;
  }
  return { kind: 'hello', serverName: '' };
}

/** A list with one name: there is only one kind of names, and no two of a kind are allowed. */
function readServerName(list: Uint8Array): FirstBytes {
  const isOneName = past(list, 0, 2) === list.length && list[2] === HOST_NAME;
  if (!isOneName || past(list, 3, 2) !== list.length) return OTHER;
  const name = Buffer.from(list.subarray(5)).toString('latin1').toLowerCase();
  return { kind: 'hello', serverName: name.endsWith('.') ? name.slice(0, -1) : name };
}

/** Offset past a field of bytes that begins with its length in so many bytes; -1: it does not fit. */
function past(bytes: Uint8Array, at: number, lengthBytes: 1 | 2): number {
  if (at < 0 || at + lengthBytes > bytes.length) return -1;
  const length = lengthBytes === 1 ? bytes[at]! : uint16(bytes, at);
  const end = at + lengthBytes + length;
  return end > bytes.length ? -1 : end;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function uint24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | uint16(bytes, at + 1);
}

/** Methods begin like that; no TLS record does. */
function isUpperCase(octet: number): boolean {
  return octet >= 0x41 && octet <= 0x5a;
}
