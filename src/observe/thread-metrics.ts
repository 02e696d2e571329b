import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';

/** A number that only rises. Adding costs two memory accesses and no allocation. */
export interface Counter {
  add(amount: number): void;
}

/** A number that is summed over the threads, such as open connections. */
export interface Gauge {
  add(amount: number): void;
  set(value: number): void;
}

/**
 * Requests of one path pattern answered by one service. Taken once per rule entry and backend when the table
 * is bound, given back with `release` when the table's last request has ended.
 */
export interface RouteMetrics {
  /**
   * Counts one finished request.
   * @param methodId of `methodId(method)` in `labels.ts`
   * @param status sent to the client; 0 when it left before an answer (counted as 499)
   * @param durationMs from the request's head to the last byte of the answer
   */
  count(methodId: number, status: number, durationMs: number): void;
  /** Ends one use. Series without users are dropped after they were scraped. */
  release(): void;
}

/** What happens between one thread and one service; one per upstream cluster. */
export interface UpstreamMetrics {
  readonly connectionsOpen: Gauge;
  readonly connectionsIdle: Gauge;
  readonly requestsPending: Gauge;
  readonly connectFailures: Counter;
  readonly retries: Counter;
  /** Counts an answer's head as it came from the backend, of every try. */
  status(status: number): void;
  release(): void;
}

/** What happens on one listener of one thread. */
export interface ListenerMetrics {
  readonly connectionsAccepted: Counter;
  readonly connectionsOpen: Gauge;
  /** Bytes on the wire, heads and framing included. */
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

/** Everything that one data-plane thread counts. */
export interface ThreadMetrics {
  /** Requests that matched no route, or that were refused before routing. */
  readonly unmatched: RouteMetrics;
  readonly requestsInFlight: Gauge;
  readonly tunnelsOpen: Gauge;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
  readonly accessLogLines: Counter;
  readonly accessLogDropped: Counter;
  /**
   * @param pattern of the compiled entry
   * @param service of the cluster, or `NONE` for what the gateway answers itself
   */
  route(pattern: string, service: string): RouteMetrics;
  upstream(service: string): UpstreamMetrics;
  listener(name: string): ListenerMetrics;
  /** TLS handshakes that came to a connection. @param version as OpenSSL names it: `TLSv1.3` */
  tlsHandshakes(listener: string, version: string, resumed: boolean): Counter;
  tlsHandshakeFailures(listener: string, reason: string): Counter;
  /**
   * Refusals of one kind of limiter. Taken when the policy is bound, so that the series starts at 0.
   * @param limiterType from the configuration, never from the request
   */
  rateLimitHits(limiterType: string): Counter;
  /** Requests by what a policy in shadow mode would have done. */
  shadowOutcomes(policy: string, outcome: string): Counter;
  /** Requests that a policy refused for their credential. */
  authenticationRefusals(policy: string, reason: string): Counter;
  /** Requests that overload protection turned away. */
  overloadShed(priority: string): Counter;
  /** How hard it does so, in this thread. */
  overloadPressure(): Gauge;
  /** @param origin who is at fault: `client`, `upstream` or `gateway` */
  error(code: string, origin: string): void;
  /** The thread applied this generation. */
  setGeneration(generation: number): void;
  /** Takes what the control thread sends back. */
  receive(message: ObserveControlMessage): void;
  /** Stops the timer that samples the event loop. */
  close(): void;
}

/** How a {@link ThreadMetrics} reaches the control thread. */
export interface ThreadMetricsOptions {
  /** Called rarely: when series are first seen, retired, or memory grows. */
  readonly announce: (message: ObserveThreadMessage) => void;
}
