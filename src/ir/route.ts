import type { Origin } from './origin.ts';

/** How the path of a request is compared. Values are normalised paths (see `lib/path.ts`). */
export type PathMatch =
  | { readonly kind: 'exact'; readonly value: string }
  /** On segment boundaries: `/a` takes `/a` and `/a/b`, not `/ab`. No trailing slash, `/` takes all. */
  | { readonly kind: 'prefix'; readonly value: string }
  /** `/users/{id}/orders`: `{name}` takes one non-empty segment; the template takes the whole path. */
  | { readonly kind: 'template'; readonly value: string }
  /** RE2 syntax, anchored at both ends. */
  | { readonly kind: 'regex'; readonly pattern: string };

/** How one named value (header, query parameter, cookie, claim) is compared. */
export type ValueTest =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' };

export interface NamedTest {
  /** Header names are lower case; query, cookie and claim names are as written. */
  readonly name: string;
  readonly test: ValueTest;
}

/** One alternative of a rule: all of it must hold. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Empty: every method. */
  readonly methods: readonly string[];
  readonly headers: readonly NamedTest[];
  readonly query: readonly NamedTest[];
  readonly cookies: readonly NamedTest[];
  /** CIDR blocks, any of them; empty: every address. */
  readonly clientAddresses: readonly string[];
  /** Claims of a verified token. */
  readonly claims: readonly NamedTest[];
}

export interface WeightedBackend {
  /** Key of a {@link ClusterIr}. */
  readonly cluster: string;
  /** 0 takes no traffic. */
  readonly weight: number;
  readonly origin: Origin;
}

/** A time-out is exactly one of these: unset, switched off, or a value. */
export type TimeoutSetting =
  | { readonly kind: 'default' }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'after'; readonly ms: number };

export type Backoff =
  | { readonly kind: 'exponential'; readonly baseMs: number; readonly maxMs: number }
  | { readonly kind: 'linear'; readonly baseMs: number; readonly maxMs: number };

export type RetryFailure = 'connect' | 'reset' | 'timeout' | { readonly status: number };

export interface RetryPlan {
  /** Extra tries after the first. */
  readonly attempts: number;
  readonly when: readonly RetryFailure[];
  readonly backoff: Backoff;
  /** Retries may be at most this share (0..1) of the cluster's requests under way, never fewer than 3. */
  readonly budget: number;
}

/** A second try while the first is unanswered, for requests that are idempotent. */
export interface HedgePlan {
  readonly afterMs: number;
}

export type PathRewrite =
  | { readonly kind: 'none' }
  /** The part that the match's prefix took is replaced. */
  | { readonly kind: 'replacePrefix'; readonly value: string }
  | { readonly kind: 'full'; readonly value: string }
  /** RE2 pattern, not anchored; `$1` or `${name}` in the substitution; every match gives way. */
  | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string };

export interface Rewrite {
  readonly path: PathRewrite;
  /** Sent as Host; null: the client's Host is kept. */
  readonly host: string | null;
}

export interface MirrorIr {
  readonly cluster: string;
  /** 0..100. */
  readonly percent: number;
}

export type Balancing = 'roundRobin' | 'random' | 'leastRequest';

export interface ForwardAction {
  readonly kind: 'forward';
  readonly backends: readonly WeightedBackend[];
  readonly balancing: Balancing;
  /** From the request's head to the last byte of the answer. */
  readonly requestTimeout: TimeoutSetting;
  /** Each try: from sending it to the head of the answer. */
  readonly backendTimeout: TimeoutSetting;
  /** No byte in either direction for so long. */
  readonly idleTimeout: TimeoutSetting;
  readonly retry: RetryPlan | null;
  readonly hedge: HedgePlan | null;
  readonly rewrite: Rewrite;
  readonly mirrors: readonly MirrorIr[];
  /** Largest request body in bytes; null: the listener's limit. */
  readonly maxBodyBytes: number | null;
}

export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** null: as in the request. */
  readonly scheme: 'http' | 'https' | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly path: PathRewrite;
}

export interface RespondAction {
  readonly kind: 'respond';
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** What stands for a rule that could not be built: it is closed, never open. */
export interface FailAction {
  readonly kind: 'fail';
  readonly status: 500;
  /** For the log and for `explain`; never sent to the client. */
  readonly reason: string;
}

export type RouteAction = ForwardAction | RedirectAction | RespondAction | FailAction;

/** One policy bound to a rule, its config already validated by the policy's schema. */
export interface PolicyRef {
  readonly name: string;
  /** It only tells what it would have done. Absent: it acts. */
  readonly shadow?: true;
  readonly config: unknown;
  readonly origin: Origin;
}

export interface RuleIr {
  /** The operator's name for it, else its index. */
  readonly name: string;
  readonly origin: Origin;
  readonly matches: readonly RouteMatch[];
  readonly action: RouteAction;
  /** Global, then route, then rule, merged by kind; the pipeline orders them by phase. */
  readonly policies: readonly PolicyRef[];
}

export interface RouteIr {
  /** `GatewayRoute/namespace/name` */
  readonly key: string;
  readonly origin: Origin;
  /** Unix milliseconds; older routes win ties. 0 where the source has no age. */
  readonly createdAtMs: number;
  /** Lower case, no port; `*.example.com` for any depth of sub-domain; empty list: every host. */
  readonly hosts: readonly string[];
  /** Listener names; empty list: every listener. */
  readonly listeners: readonly string[];
  readonly rules: readonly RuleIr[];
}
