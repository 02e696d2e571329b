import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';

/**
 * Mozilla's intermediate recommendation (Server Side TLS 5.7), without those that need a Diffie-Hellman group of one's own:
 * every client since 2014. Clients choose among them, for they know what their hardware is good at.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** `SSL_OP_NO_RENEGOTIATION`, which Node does not name. A client could have us compute keys without end. */
const NO_RENEGOTIATION = 0x4000_0000;

export interface TlsContextOptions {
  readonly minVersion: SecureVersion;
  /** PEM of a chain and its key; null: every handshake fails with an alert. */
  readonly certificate: string | null;
  /** 48 bytes with which session tickets are sealed. */
  readonly ticketKeys: Buffer;
  /** A session is taken up again only where this is the same; at most 32 characters. */
  readonly sessionIdContext: string;
}

/** @throws Error when OpenSSL takes the certificate or the key for none, or for too weak */
export function tlsContext({ certificate, ...options }: TlsContextOptions): SecureContext {
  return createSecureContext({
    ...options,
    ...(certificate === null ? {} : { cert: certificate, key: certificate }),
    ciphers: CIPHERS,
    honorCipherOrder: false,
    secureOptions: NO_RENEGOTIATION,
  });
}

/** Null, or why OpenSSL would refuse it. */
export function tlsContextFault(certificate: string): string | null {
  const options = { minVersion: 'TLSv1.2', ticketKeys: Buffer.alloc(48), sessionIdContext: '' } as const;
  try {
    tlsContext({ ...options, certificate });
    return null;
  } catch (error) {
    return (error as { reason?: string }).reason ?? 'it can not be read';
  }
}
