/**
 * One finished exchange, as the access log sees it. The data plane keeps one record per connection (or
 * thread), fills it in and passes it to {@link AccessLogWriter.write}, which reads it before it returns: the
 * record can be reused at once. Strings may hold any code unit unless they say otherwise; the formats escape them.
 */
export interface AccessRecord {
  /** Unix milliseconds when the request's head was complete. */
  timeMs: number;
  /** Of `A-Za-z0-9_.:/+=@-` only: made here, or checked when it came from a trusted proxy. */
  requestId: string;
  clientAddress: string;
  method: string;
  /** Without port, lower case; empty when the request has none. */
  host: string;
  /** Normalised, without query. */
  path: string;
  /** As sent, without `?`. Logged only where the format asks for it: it can hold secrets. */
  query: string;
  /** `HTTP/1.1` and so on. */
  protocol: string;
  /** Sent to the client; 0 when the client left before an answer began. */
  status: number;
  /** Bytes of the request's body as read from the client, without framing. */
  bytesIn: number;
  /** Bytes of the answer's body as sent to the client, without framing. */
  bytesOut: number;
  /** From the request's head to the last byte of the answer. */
  durationMs: number;
  /** From the last try's start to the head of its answer; -1 when no backend was asked or none answered. */
  upstreamMs: number;
  /** `GatewayRoute/namespace/name`; empty when nothing matched. */
  route: string;
  rule: string;
  /** `service` of the cluster; empty when no backend was chosen. */
  service: string;
  /** Address and port of the last endpoint that was tried; empty for none. */
  endpoint: string;
  /** Requests sent upstream; 0 when none was. */
  tries: number;
  /** A code of `pipeline/errors.ts`; empty for none. */
  error: string;
  /** Why a credential was refused, with the policy that did: `jwt expired`. Empty for none. */
  refusal: string;
  userAgent: string;
  /** As sent; the formats cut query and fragment off. */
  referer: string;
  /** Not the first request of its client connection. */
  connectionReused: boolean;
  /** null: the connection is plain TCP. One object for all requests of a connection. */
  tls: AccessTls | null;
}

/** TLS of a client connection. */
export interface AccessTls {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly version: string;
  /** By its name in the IANA registry. */
  readonly cipher: string;
  /** What the client asked for (SNI), in lower case; empty: nothing. */
  readonly serverName: string;
}

/** A record with every field at its empty value. */
export function emptyAccessRecord(): AccessRecord {
  return {
    timeMs: 0,
    requestId: '',
    clientAddress: '',
    method: '',
    host: '',
    path: '',
    query: '',
    protocol: '',
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    upstreamMs: -1,
    route: '',
    rule: '',
    service: '',
    endpoint: '',
    tries: 0,
    error: '',
    refusal: '',
    userAgent: '',
    referer: '',
    connectionReused: false,
    tls: null,
  };
}

/** One line in ASCII, with its line break. */
export type LineFormat = (record: AccessRecord) => string;

/** Takes the lines of one data-plane thread. Never blocks, never throws; what can't be kept is counted. */
export interface AccessLogWriter {
  /** Formats at once; the record may be changed as soon as this returns. */
  write(record: AccessRecord): void;
  /** Hands over what is batched, full or not. */
  flush(): void;
}

/** For `accessLog: { kind: 'off' }`. */
export const NO_ACCESS_LOG: AccessLogWriter = { write() {}, flush() {} };
