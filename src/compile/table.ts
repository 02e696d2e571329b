import type { ForwardAction, RedirectAction, RouteIr, RouteMatch, RuleIr } from '../ir/route.ts';
import type { BoundPolicy } from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';

/** What the router asks of a request. Nothing but host, path and method is computed unless a match needs it. */
export interface MatchInput {
  readonly listener: string;
  /** Lower case, no port; empty when the request has none (HTTP/1.0). */
  readonly host: string;
  /** Normalised, without query. */
  readonly path: string;
  readonly method: string;
  readonly clientAddress: string;
  header(name: string): string | null;
  queryParam(name: string): string | null;
  cookie(name: string): string | null;
  /** A claim of the bearer token, not yet verified: it routes, it never admits. */
  claim(name: string): unknown;
}

/** A forward action with everything resolved. `U` is the data plane's upstream cluster. */
export interface CompiledForward<U> {
  readonly kind: 'forward';
  readonly ir: ForwardAction;
  /** Backends with weight > 0. */
  readonly backends: readonly { readonly upstream: U; readonly weight: number }[];
  readonly totalWeight: number;
  readonly mirrors: readonly { readonly upstream: U; readonly percent: number }[];
  /** Resolved against the defaults of the settings; 0: none. */
  readonly requestTimeoutMs: number;
  readonly backendTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** null when the path stays as it is. The result still has to be normalised and checked. */
  readonly rewritePath: ((path: string, match: RouteMatch) => string) | null;
}

export interface CompiledRedirect {
  readonly kind: 'redirect';
  readonly ir: RedirectAction;
  readonly rewritePath: ((path: string, match: RouteMatch) => string) | null;
}

export interface CompiledRespond {
  readonly kind: 'respond';
  readonly reply: Reply;
}

export interface CompiledFail {
  readonly kind: 'fail';
  /** For the log only. */
  readonly reason: string;
}

export type CompiledAction<U> = CompiledForward<U> | CompiledRedirect | CompiledRespond | CompiledFail;

/** A policy with its place in the chain, for `explain`, error logs and metrics. */
export interface BoundStep {
  readonly name: string;
  readonly policy: BoundPolicy;
}

/** One rule, bound: a request only walks it. */
export interface CompiledRule<U> {
  readonly route: RouteIr;
  readonly ir: RuleIr;
  readonly action: CompiledAction<U>;
  /** Every policy bound to the rule, once, in the order of phases: what `explain` shows and what is closed. */
  readonly steps: readonly BoundStep[];
  /** In the order of phases; null when no policy has that hook. */
  readonly onRequest: readonly BoundStep[] | null;
  /** In reverse order of phases, as are those of `onDone`. */
  readonly onResponse: readonly BoundStep[] | null;
  readonly onDone: readonly BoundStep[] | null;
  /** Requests that walk it now. The table's owner closes a retired rule's policies when this reaches 0. */
  active: number;
  retired: boolean;
}

/** One match of one rule under one host: what the router returns. */
export interface CompiledEntry<U> {
  readonly rule: CompiledRule<U>;
  readonly match: RouteMatch;
  /** Host pattern it stands under; empty: every host. */
  readonly host: string;
  /** The `path` label of metrics: the pattern as it was written. */
  readonly pattern: string;
}

/** Why a candidate did not win, for `explain`. */
export type Loss =
  | { readonly reason: 'listener' | 'host' | 'path' | 'method' | 'clientAddress' }
  | { readonly reason: 'header' | 'query' | 'cookie' | 'claim'; readonly name: string }
  /** It matched, but the winner goes first. */
  | {
      readonly reason: 'precedence';
      readonly by: 'host' | 'pathKind' | 'pathLength' | 'conditions' | 'age' | 'name' | 'ruleOrder';
    };

export interface Candidate<U> {
  readonly entry: CompiledEntry<U>;
  readonly loss: Loss;
}

export interface Explanation<U> {
  readonly winner: CompiledEntry<U> | null;
  /** Those of the same host or path first; at most `limit`. */
  readonly candidates: readonly Candidate<U>[];
}

/** An immutable snapshot: a request takes one and keeps it. */
export interface RoutingTable<U> {
  readonly generation: number;
  match(input: MatchInput): CompiledEntry<U> | null;
  explain(input: MatchInput, limit: number): Explanation<U>;
  /** Number of entries (host × match). */
  readonly size: number;
}
