import type { CompiledEntry, CompiledRule, RoutingTable } from '../compile/table.ts';
import type { GatewaySettings } from '../ir/settings.ts';
import type { AccessLogWriter, AccessRecord } from '../observe/access-record.ts';
import type { RouteMetrics, ThreadMetrics } from '../observe/thread-metrics.ts';
import type { BodyBudget } from './body/budget.ts';
import type { RequestMemo } from './http1/request-head.ts';
import type { UpstreamCluster } from './upstream/cluster.ts';
import type { Wheel } from './wheel.ts';

export type Table = RoutingTable<UpstreamCluster>;
export type Entry = CompiledEntry<UpstreamCluster>;
export type Rule = CompiledRule<UpstreamCluster>;

/** What everything on one data-plane thread shares. */
export interface ThreadContext {
  readonly settings: GatewaySettings;
  readonly wheel: Wheel;
  readonly metrics: ThreadMetrics;
  readonly accessLog: AccessLogWriter;
  /** The thread's one record; see {@link AccessLogWriter}. */
  readonly record: AccessRecord;
  /** The Via lines for messages received in HTTP/1.0 and 1.1 (RFC 9110 section 7.6.3); '' where none is sent. */
  readonly viaLines: readonly [http10: string, http11: string];
  /** Field lines that clients send again and again. */
  readonly requestMemo: RequestMemo;
  /** What policies may hold of bodies. */
  readonly bodyBudget: BodyBudget;
  /** A request reads it once and keeps what it got. */
  table: Table;
  /** Every answer now closes its connection. */
  draining: boolean;
  isTrusted(address: string): boolean;
  routeMetrics(entry: Entry, service: string): RouteMetrics;
  /** A request has left a rule that is no longer part of the table. */
  onRetiredRuleIdle(rule: Rule): void;
  log(level: 'info' | 'warn' | 'error', message: string): void;
  /** Logs and counts an exception that should not have been. */
  onFault(error: unknown): void;
}
