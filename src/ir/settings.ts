import type { AddressRules } from '../lib/target-address.ts';
import type { RedisIr } from './redis.ts';

/** Where a data-plane thread listens. */
export interface ListenerIr {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly transport: TransportIr;
}

/** What connections of a listener speak below HTTP. Certificates come with the secrets: `certificateKey`. */
export type TransportIr =
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly minVersion: TlsVersion };

/** As OpenSSL names them. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Limits of the HTTP/1.1 codec and of a connection. Bytes and milliseconds. */
export interface HttpLimits {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly maxTargetBytes: number;
  readonly maxTrailerBytes: number;
  readonly maxChunkExtensionBytes: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  /** Bytes of bodies that policies of one thread may hold at once. */
  readonly maxHeldBodyBytes: number;
  /** Requests that may wait in one connection before it is no longer read. */
  readonly maxPipelined: number;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  readonly maxConnections: number;
}

export interface HttpTimeouts {
  /** From the first byte of a head (or from accept) to its end. */
  readonly headMs: number;
  /** Keep-alive connection without a request. */
  readonly idleMs: number;
  /** Default of a rule's request time-out; 0: none. */
  readonly requestMs: number;
  /** Default of a rule's per-try time-out; 0: none. */
  readonly backendMs: number;
  /** Default of a rule's idle time-out while bodies move; 0: none. */
  readonly bodyIdleMs: number;
  readonly connectMs: number;
  /** Idle upstream connections are closed after so long. */
  readonly upstreamIdleMs: number;
  readonly tunnelIdleMs: number;
  /** How long a drain waits for running requests. */
  readonly drainMs: number;
}

export interface PoolLimits {
  /** Connections to one endpoint from one thread. */
  readonly maxConnectionsPerEndpoint: number;
  /** Requests that wait for one of those connections. */
  readonly maxPendingPerEndpoint: number;
  readonly maxIdlePerEndpoint: number;
}

/** Room for what the threads count together. */
export interface RateLimitMemory {
  /** Bytes for the buckets of rate limits; a bucket takes 32. */
  readonly bucketBytes: number;
  /** Keys of concurrency limits that may have requests under way at once. */
  readonly permitKeys: number;
  /** Who share limits of scope `replicas`. */
  readonly replicas: ReplicaCount;
}

/** How many replicas of the gateway there are. */
export type ReplicaCount =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fixed'; readonly count: number }
  /** As many as the name has addresses. */
  | { readonly kind: 'dns'; readonly name: string };

/** Where this replica runs; null: it was not told. */
export interface Place {
  readonly node: string | null;
  readonly zone: string | null;
}

/** What the whole gateway does, whatever the route. Immutable while the program runs. */
export interface GatewaySettings {
  readonly listeners: readonly ListenerIr[];
  /** CIDR blocks of peers whose X-Forwarded-*, Forwarded and X-Request-ID are believed. */
  readonly trustedProxies: readonly string[];
  readonly limits: HttpLimits;
  readonly timeouts: HttpTimeouts;
  readonly pool: PoolLimits;
  /** Endpoints that are for somebody here are preferred. */
  readonly place: Place;
  readonly rateLimits: RateLimitMemory;
  /** For the answers that the policy `cache` keeps, over all threads. */
  readonly cacheBytes: number;
  readonly redis: readonly RedisIr[];
  /** What the gateway may call for itself: providers of keys and users, webhooks. */
  readonly outbound: AddressRules;
  /** Value of the Server header on every answer; null: none, and the backend's is removed. */
  readonly serverHeader: string | null;
  /** Pseudonym in Via (RFC 9110 section 7.6.3); null: none. */
  readonly via: string | null;
  /** Methods refused with 405 before routing. */
  readonly refusedMethods: readonly string[];
  readonly accessLog: AccessLogSettings;
  /** Add X-Gateway-Timestamp (Unix seconds) to requests. */
  readonly timestampHeader: boolean;
  /** Add X-Gateway-Response-Time (ms) to responses. */
  readonly responseTimeHeader: boolean;
}

export type AccessLogSettings =
  | { readonly kind: 'off' }
  | { readonly kind: 'json' }
  | { readonly kind: 'template'; readonly template: string };
