import type { ConnectionOptions } from 'node:tls';

let clientTls: ConnectionOptions | null = null;

/**
 * From now on gateways of this file are started with TLS, and clients of it speak TLS. A test file that is imported after this
 * runs all of its tests like that: what is right over TCP must be right over TLS.
 */
export function speakTls(options: ConnectionOptions = {}): void {
  clientTls = options;
}

/** Of clients that do not say; null: they speak plain TCP. */
export function tlsOfClients(): ConnectionOptions | null {
  return clientTls;
}
