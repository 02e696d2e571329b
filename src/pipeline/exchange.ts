import type { MessageBody, ResponseBody } from './body.ts';
import type { Reply } from './reply.ts';
import type { Slot } from './slot.ts';

/** Who sent the request, as far as the gateway believes it. */
export interface ClientInfo {
  /** The client's address: the peer's, or what a trusted proxy says. */
  readonly address: string;
  /** The other end of the connection. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The peer is one of `trustedProxies`. */
  readonly trusted: boolean;
}

/**
 * Header fields of a message in flight. Names are case-insensitive; callers pass lower case. Reading sees
 * earlier edits. Values are checked against RFC 9110 section 5.5; a value with CR, LF or NUL throws.
 */
export interface HeaderFields {
  /** Several lines joined by `, ` (RFC 9110 section 5.3); null when absent. */
  header(name: string): string | null;
  /** One entry a line, in order. */
  headerLines(name: string): readonly string[];
  /** Every field, names in lower case, in order. */
  headerEntries(): readonly (readonly [name: string, value: string])[];
  /** Replaces every line of that name. */
  setHeader(name: string, value: string): void;
  /** Adds one more line. */
  addHeader(name: string, value: string): void;
  removeHeader(name: string): void;
  /** @param names in lower case; the same list each time: what is found out about it is remembered */
  removeHeaders(names: readonly string[]): void;
}

/** The request as it will be sent upstream. Matching already happened: edits do not route it again. */
export interface RequestFields extends HeaderFields {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host without port, lower case. */
  readonly host: string;
  /** Normalised once; policies and the upstream see the same string. */
  readonly path: string;
  /** After `?`, as sent; empty when there is none. */
  readonly query: string;
  /** The request target as its client sent it, before anything was normalised or edited: what signatures cover. */
  readonly target: string;
  /** As its client sent it: `HTTP/1.1`. */
  readonly protocol: string;
  /** First value of a decoded query parameter; null when absent. */
  queryParam(name: string): string | null;
  /** First value of a cookie; null when absent. */
  cookie(name: string): string | null;
  /** Not yet sent to the backend while request steps run. */
  readonly body: MessageBody;
  /** Replaces path; it is normalised and checked again before it is sent. */
  setPath(path: string): void;
  /** Replaces the query; without `?`. */
  setQuery(query: string): void;
}

/** The answer, as it will be sent to the client. Only there in `onResponse` and `onDone`. */
export interface ResponseFields extends HeaderFields {
  readonly status: number;
  /** The gateway made this answer itself: no backend was asked, or it failed. */
  readonly madeHere: boolean;
  readonly body: ResponseBody;
  setStatus(status: number): void;
  /** Another answer in place of this one, whoever made it; the backend's body is thrown away. */
  replace(reply: Reply): void;
}

/** An answer of a backend to the gateway itself: whole, framing taken off. */
export interface BackendAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** One request and its answer on their way through the gateway. */
export interface Exchange {
  readonly requestId: string;
  /** Generation of the table that serves it. */
  readonly generation: number;
  /** `GatewayRoute/namespace/name` */
  readonly routeKey: string;
  readonly ruleName: string;
  /** The pattern of the match that won: the `path` label of metrics. */
  readonly pattern: string;
  readonly client: ClientInfo;
  /** `performance.now()` when the head was complete. */
  readonly startedAtMs: number;
  readonly request: RequestFields;
  readonly response: ResponseFields;
  /** Aborted when the client leaves or the request's time is over. Made on first use. */
  readonly signal: AbortSignal;
  /**
   * Asks the rule's backend anew what this GET asks, as its fields are now; policies see nothing of it. The exchange goes on
   * meanwhile, or ends. Null when no answer came in the rule's time, or its body is larger. Never rejected.
   */
  askBackend(maxBodyBytes: number): Promise<BackendAnswer | null>;
  get<T>(slot: Slot<T>): T | undefined;
  set<T>(slot: Slot<T>, value: T): void;
}
