import type { AccessTls } from '../../observe/access-record.ts';

/** What a client connection is carried by. */
export interface ClientTransport {
  readonly scheme: 'http' | 'https';
  /** null: it is plain TCP. */
  readonly tls: AccessTls | null;
  /** Whether the client may ask for that host this way; empty: the request names none. */
  covers(host: string): boolean;
}

export const PLAIN_TRANSPORT: ClientTransport = { scheme: 'http', tls: null, covers: () => true };
