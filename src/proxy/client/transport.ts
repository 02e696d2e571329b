/** TLS of a connection, as the access log shows it. */
export interface TlsDetails {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly version: string;
  /** By its name of the IANA registry. */
  readonly cipher: string;
  /** That the client asked for (SNI), in lower case; empty: none. */
  readonly serverName: string;
}

/** What a client connection is carried by. */
export interface ClientTransport {
  readonly scheme: 'http' | 'https';
  /** null: it is plain TCP. */
  readonly tls: TlsDetails | null;
  /** Whether the client may ask for that host this way; empty: the request names none. */
  covers(host: string): boolean;
}

export const PLAIN_TRANSPORT: ClientTransport = { scheme: 'http', tls: null, covers: () => true };
