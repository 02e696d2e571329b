/** One metric as Prometheus sees it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** Shown for each thread with a `thread` label instead of summed. */
  readonly perThread?: true;
}

/**
 * Upper bounds (inclusive) of the duration histogram's buckets in milliseconds. Dense where a gateway's
 * answers lie; the last ones tell slow from timed out (the common time-outs are 5, 10, 30 and 60 s).
 */
export const DURATION_BOUNDS_MS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

/** Numbers that a histogram takes: one a bucket, one above the last bound, the sum. */
export const HISTOGRAM_SLOTS = DURATION_BOUNDS_MS.length + 2;

/**
 * Every metric that data-plane threads write. The first six are contracts. Names end in their unit;
 * the durations are in milliseconds because the contract says so.
 */
export const FAMILIES = {
  requests: {
    name: 'gateway_requests_total',
    help: 'Requests answered, by the pattern of the route that took them.',
    type: 'counter',
    labels: ['method', 'path', 'status', 'service'],
  },
  requestDuration: {
    name: 'gateway_request_duration_ms',
    help: "Milliseconds from a request's head to the last byte of its answer.",
    type: 'histogram',
    labels: ['method', 'path', 'service'],
  },
  rateLimitHits: {
    name: 'gateway_rate_limit_hits_total',
    help: 'Requests refused by a rate limit.',
    type: 'counter',
    labels: ['limiter_type'],
  },
  policyShadow: {
    name: 'gateway_policy_shadow_total',
    help: 'Requests by what a policy in shadow mode would have done: passed, edited, replied, threw.',
    type: 'counter',
    labels: ['policy', 'outcome'],
  },
  authenticationRefusals: {
    name: 'gateway_authentication_refusals_total',
    help: 'Requests refused for their credential, by policy and reason.',
    type: 'counter',
    labels: ['policy', 'reason'],
  },
  overloadShed: {
    name: 'gateway_overload_shed_total',
    help: 'Requests turned away by overload protection, by their priority.',
    type: 'counter',
    labels: ['priority'],
  },
  overloadPressure: {
    name: 'gateway_thread_overload_pressure',
    help: 'How hard the thread turns requests away: 0 not at all; up to 1 those of low priority, up to 2 normal ones, too, up to 3 high ones.',
    type: 'gauge',
    labels: [],
    perThread: true,
  },
  upstreamStatus: {
    name: 'gateway_upstream_status_total',
    help: 'Answers of backends, of every try.',
    type: 'counter',
    labels: ['service', 'status'],
  },
  cacheHits: {
    name: 'gateway_cache_hits_total',
    help: 'Requests answered from the response cache.',
    type: 'counter',
    labels: [],
  },
  cacheMisses: {
    name: 'gateway_cache_misses_total',
    help: 'Cacheable requests that a backend had to answer.',
    type: 'counter',
    labels: [],
  },
  errors: {
    name: 'gateway_errors_total',
    help: 'Requests that failed, by code and by who is at fault.',
    type: 'counter',
    labels: ['code', 'origin'],
  },
  requestsInFlight: {
    name: 'gateway_requests_in_flight',
    help: 'Requests being served now.',
    type: 'gauge',
    labels: [],
  },
  tunnelsOpen: {
    name: 'gateway_tunnels_open',
    help: 'Upgraded connections (such as WebSocket) open now.',
    type: 'gauge',
    labels: [],
  },
  connectionsAccepted: {
    name: 'gateway_connections_accepted_total',
    help: 'Client connections accepted.',
    type: 'counter',
    labels: ['listener'],
  },
  connectionsOpen: {
    name: 'gateway_connections_open',
    help: 'Client connections open now.',
    type: 'gauge',
    labels: ['listener'],
  },
  receivedBytes: {
    name: 'gateway_received_bytes_total',
    help: 'Bytes read from clients, heads and framing included.',
    type: 'counter',
    labels: ['listener'],
  },
  sentBytes: {
    name: 'gateway_sent_bytes_total',
    help: 'Bytes written to clients, heads and framing included.',
    type: 'counter',
    labels: ['listener'],
  },
  tlsHandshakes: {
    name: 'gateway_tls_handshakes_total',
    help: 'TLS handshakes with clients that came to a connection, by version and by whether a session was resumed.',
    type: 'counter',
    labels: ['listener', 'version', 'resumed'],
  },
  tlsHandshakeFailures: {
    name: 'gateway_tls_handshake_failures_total',
    help: 'TLS handshakes with clients that came to nothing, by reason.',
    type: 'counter',
    labels: ['listener', 'reason'],
  },
  upstreamConnectionsOpen: {
    name: 'gateway_upstream_connections_open',
    help: 'Connections to backends open now, idle ones included.',
    type: 'gauge',
    labels: ['service'],
  },
  upstreamConnectionsIdle: {
    name: 'gateway_upstream_connections_idle',
    help: 'Connections to backends that wait for a request now.',
    type: 'gauge',
    labels: ['service'],
  },
  upstreamRequestsPending: {
    name: 'gateway_upstream_requests_pending',
    help: 'Requests that wait for a connection to a backend now.',
    type: 'gauge',
    labels: ['service'],
  },
  upstreamConnectFailures: {
    name: 'gateway_upstream_connect_failures_total',
    help: 'Connections to backends that were refused or timed out.',
    type: 'counter',
    labels: ['service'],
  },
  upstreamRetries: {
    name: 'gateway_upstream_retries_total',
    help: 'Requests sent to a backend once more.',
    type: 'counter',
    labels: ['service'],
  },
  accessLogLines: {
    name: 'gateway_access_log_lines_total',
    help: 'Access-log lines handed over to be written.',
    type: 'counter',
    labels: [],
  },
  accessLogDropped: {
    name: 'gateway_access_log_dropped_total',
    help: 'Access-log lines dropped because the log was not written fast enough.',
    type: 'counter',
    labels: [],
  },
  threadGeneration: {
    name: 'gateway_thread_config_generation',
    help: 'Generation of the configuration that the thread serves.',
    type: 'gauge',
    labels: [],
    perThread: true,
  },
  eventLoopDelay: {
    name: 'gateway_thread_event_loop_delay_p99_ms',
    help: "99th percentile of the delay of the thread's event loop over the last five seconds.",
    type: 'gauge',
    labels: [],
    perThread: true,
  },
  eventLoopUtilization: {
    name: 'gateway_thread_event_loop_utilization_ratio',
    help: 'Share of the last five seconds in which the thread was busy (0 to 1).',
    type: 'gauge',
    labels: [],
    perThread: true,
  },
  heapUsed: {
    name: 'gateway_thread_heap_used_bytes',
    help: "JavaScript heap in use by the thread; buffers and sockets are in the process's resident memory.",
    type: 'gauge',
    labels: [],
    perThread: true,
  },
  seriesRefused: {
    name: 'gateway_metric_series_refused_total',
    help: 'Series that were not counted because the limit of series was reached.',
    type: 'counter',
    labels: [],
  },
} as const satisfies Record<string, Family>;

/** Names one of {@link FAMILIES} in messages. */
export type FamilyKey = keyof typeof FAMILIES;

/** Numbers that one series of the family takes. */
export function slotsOf(key: FamilyKey): number {
  return FAMILIES[key].type === 'histogram' ? HISTOGRAM_SLOTS : 1;
}
