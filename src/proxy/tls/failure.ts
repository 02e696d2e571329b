/** Why a handshake came to nothing: the label `reason` of a metric. */
export const HANDSHAKE_FAILURES = [
  /** It took longer than the head time-out. */
  'timeout',
  /** The client closed in the middle of it. */
  'closed',
  /** A request in plain HTTP, which is answered so. */
  'plainHttp',
  /** The listener has no certificate. */
  'noCertificate',
  /** No version of TLS that both speak. */
  'version',
  'cipher',
  /** None of the client's application protocols is served (RFC 7301 section 3.2). */
  'protocol',
  /** The client did not like what it saw, such as the certificate. */
  'clientAlert',
  /** Not TLS, or not well formed. */
  'malformed',
  'other',
] as const;
export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];

const BY_CODE: Readonly<Record<string, HandshakeFailure>> = {
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
  ERR_SSL_VERSION_TOO_LOW: 'version',
  ERR_SSL_NO_SHARED_CIPHER: 'cipher',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'cipher',
  ERR_SSL_NO_SUITABLE_KEY_SHARE: 'cipher',
  ERR_SSL_NO_SHARED_GROUPS: 'cipher',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'protocol',
  ERR_SSL_UNEXPECTED_EOF_WHILE_READING: 'closed',
};
const MALFORMED = /WRONG_VERSION|RECORD|LENGTH|UNEXPECTED_MESSAGE|BAD_|DECODE|EXTENSION|PARSE|PACKET/;

/** @param code of an error of a TLS socket before its handshake was complete */
export function handshakeFailure(code: string, hasCertificate: boolean): HandshakeFailure {
  const known = BY_CODE[code];
  if (known === 'cipher' && !hasCertificate) return 'noCertificate';
  if (known !== undefined) return known;
  if (/_ALERT_/.test(code)) return 'clientAlert';
  return MALFORMED.test(code) ? 'malformed' : 'other';
}
