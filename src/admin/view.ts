import type { AckPage } from '../ir/acks.ts';
import type { EndpointsIr } from '../ir/cluster.ts';
import type { Finding } from '../ir/finding.ts';
import type { GatewayIr } from '../ir/gateway.ts';
import type { BindFailure } from '../ir/messages.ts';

export interface VersionView {
  readonly version: string;
  /** Commit; `unknown` when it runs from a checkout. */
  readonly revision: string;
}

/** One data-plane thread, as the control thread knows it. */
export interface ThreadView {
  readonly threadId: number;
  readonly running: boolean;
  /** Every listener is open. */
  readonly listening: boolean;
  /** The generation it acknowledged last; null before the first. */
  readonly generation: number | null;
  /** Rules of that generation that answer 500 on this thread. */
  readonly failures: readonly BindFailure[];
}

/** What was last published to the threads. */
export interface ServedView {
  readonly generation: number;
  readonly ir: GatewayIr;
  readonly endpoints: readonly EndpointsIr[];
}

/** Something that is wrong, but no reason to keep traffic away. */
export interface ReadinessWarning {
  readonly code: string;
  readonly message: string;
}

/** Which kept answers. */
export type PurgeSelection =
  | { readonly kind: 'all' }
  /** `name` is namespace/name. */
  | { readonly kind: 'route'; readonly name: string }
  | { readonly kind: 'tag'; readonly tag: string }
  /** `query` without `?`; empty: any. */
  | { readonly kind: 'url'; readonly host: string; readonly path: string; readonly query: string };

export interface PurgeResult {
  /** Answers that the memory of this replica has forgotten. */
  readonly memory: number;
  /** The Redis connections that routes keep answers in. */
  readonly redis: readonly { readonly name: string; readonly error: string | null }[];
}

/** All that the admin server asks of the program. Snapshots: nothing changes them once returned. */
export interface AdminView {
  readonly version: VersionView;
  threads(): readonly ThreadView[];
  /** False: the data planes run apart, and no thread is missing here. Default: true. */
  readonly carriesTraffic?: boolean;
  /** Shown beside the readiness. */
  warnings?(): readonly ReadinessWarning[];
  served(): ServedView;
  findings(): readonly Finding[];
  /** A shutdown has begun. */
  draining(): boolean;
  /** The Prometheus page, in the text format. */
  metrics(): Promise<Buffer>;
  /** Forgets kept answers, in all threads when it resolves; absent where no traffic is served. */
  purge?(selections: readonly PurgeSelection[]): Promise<PurgeResult>;
  /** What the threads have acknowledged since a cursor, after so long at the latest; absent where no other replica asks. */
  acks?(epoch: string, cursor: number, waitMs: number): Promise<AckPage>;
}
