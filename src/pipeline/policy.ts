import type { Static, TSchema } from 'typebox';
import type { ConsumerIr } from '../ir/consumer.ts';
import type { CacheMemory, LimitMemory } from '../ir/messages.ts';
import type { RedisIr } from '../ir/redis.ts';
import type { SecretName } from '../ir/secret.ts';
import type { AddressRules } from '../lib/target-address.ts';
import type { Counter, Gauge } from '../observe/thread-metrics.ts';
import type { Consumers } from './consumers.ts';
import type { Exchange } from './exchange.ts';
import type { RefusalReason } from './refusal.ts';
import type { Reply } from './reply.ts';

export type { Counter, Gauge };

/** Phases in the order in which they see a request; answers pass them in reverse. */
export const PHASES = ['edge', 'guard', 'authn', 'authz', 'limit', 'rewrite', 'upstream'] as const;
export type Phase = (typeof PHASES)[number];

/** Those that begin when it is known who sent a request: policies of a Consumer belong there. */
export const CONSUMER_PHASES = ['authz', 'limit', 'rewrite', 'upstream'] as const satisfies readonly Phase[];
export type ConsumerPhase = (typeof CONSUMER_PHASES)[number];

/** What a thread lends to the policies that it binds. */
export interface PolicyEnv {
  readonly threadId: number;
  /** Buckets, permits and nonces, shared by all threads of the program. */
  readonly limits: LimitMemory;
  /** Kept answers, shared by all threads of the program. */
  readonly cache: CacheMemory;
  /** `gateway_cache_hits_total`: answers for which no backend was asked. */
  readonly cacheHits: Counter;
  /** `gateway_cache_misses_total` */
  readonly cacheMisses: Counter;
  /** The Redis connections that the gateway's configuration has. */
  readonly redis: readonly RedisIr[];
  /** Which addresses the gateway's own calls may go to. */
  readonly outbound: AddressRules;
  /**
   * Text of a secret that the configuration names. Keep it where nothing prints it. When it changes, the rule is bound
   * again.
   * @throws Error when this thread was not told it
   */
  secret(name: SecretName): string;
  /** The Consumers of a namespace, as they are at the time of each question. */
  consumers(namespace: string): Consumers;
  /** A Consumer as it is now, by `Identity.consumerKey`; null: it is gone. */
  consumer(key: string): ConsumerIr | null;
  /**
   * Refusals of one limiter, in `gateway_rate_limit_hits_total`.
   * @param limiterType from the configuration, never from the request
   */
  rateLimitHits(limiterType: string): Counter;
  /** Requests that a policy refused for their credential, in `gateway_authentication_refusals_total`. */
  authenticationRefusals(policy: string, reason: RefusalReason): Counter;
  /** Requests by what a policy in shadow mode would have done, in `gateway_policy_shadow_total`. */
  shadowOutcomes(policy: string, outcome: ShadowOutcome): Counter;
  /** Requests that overload protection turned away, in `gateway_overload_shed_total`. */
  overloadShed(priority: string): Counter;
  /** How hard this thread turns requests away, in `gateway_thread_overload_pressure`. */
  overloadPressure(): Gauge;
  log(level: 'info' | 'warn' | 'error', message: string): void;
}

/**
 * What a policy in shadow mode would have done: let a request and its answer pass as they are, changed one of them,
 * answered itself, or failed.
 */
export const SHADOW_OUTCOMES = ['passed', 'edited', 'replied', 'threw'] as const;
export type ShadowOutcome = (typeof SHADOW_OUTCOMES)[number];

/** What a policy may ask while its configuration is translated, on the control thread. */
export interface ResolveContext {
  /** Tells this entry from every other one, and is the same in all rules that inherit it. */
  readonly id: string;
  /** The entry only tells what it would have done: it must share no state with one that acts. */
  readonly shadow: boolean;
  /** Of the object that holds it; of the gateway's own configuration: its `policyNamespace`. */
  readonly namespace: string;
  /**
   * `spec` of an object of the same namespace. When it is not there that is reported, the rule stays closed until it
   * comes, and the result is null.
   * @param field path of the reference inside the configuration: `ref`
   */
  referred(kind: string, name: string, field: string): unknown;
  /**
   * The name of a secret, for the configuration; `PolicyEnv.secret` gives its text. When the Secret or the key is not there,
   * or `check` says what is wrong with the text, that is reported, the rule stays closed until it is mended, and the
   * result is null.
   * @param field path of the reference inside the configuration: `secretRef`
   * @param check null, or what is wrong; must not repeat the text
   */
  secret(ref: SecretRef, field: string, check?: (text: string) => string | null): SecretName | null;
  /**
   * A document of YAML or JSON in a ConfigMap of the same namespace; the same object as long as its text is the same. When it is
   * not there or can't be read that is reported, the rule stays closed until it is mended, and the result is null.
   * @param field path of the reference inside the configuration: `configMapRef`
   */
  document(ref: DocumentRef, field: string): object | null;
  /**
   * As {@link ResolveContext.document}, of a file of the folder that objects are read from: an OpenAPI document.
   * @param path from the file that the object stands in
   */
  file(path: string, field: string): object | null;
}

/** One key of a ConfigMap of the same namespace. */
export interface DocumentRef {
  readonly name: string;
  readonly key: string;
}

/** One key of a Secret of the same namespace; `lib/schema.ts` has the schema. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** A policy bound to one rule. A step that returns no promise costs no turn of the event loop. */
export interface BoundPolicy {
  /** A reply ends the request here: the backend is not asked. */
  onRequest?(x: Exchange): Reply | void | Promise<Reply | void>;
  /** Sees the head of the answer, whoever made it, before it is sent. */
  onResponse?(x: Exchange): void | Promise<void>;
  /** Once, after the last byte or the failure. */
  onDone?(x: Exchange): void;
  /** After the last request of the table that bound it. */
  close?(): void;
}

/** A kind of policy: a definition, not an instance. `R` is its configuration once references are resolved. */
export interface PolicySpec<S extends TSchema = TSchema, R = Static<S>> {
  /** The key in `policies:` of a route or rule. */
  readonly name: string;
  readonly phase: Phase;
  /** Where one stands whose configuration asks for another place than `phase`. */
  phaseOf?(config: R): Phase;
  /** One sentence for the reference page. */
  readonly summary: string;
  /**
   * It comes behind all others of its phase; and a rule that has one of those, but not this one, has it all the same, with
   * this configuration.
   */
  readonly implied?: R;
  /** Of its configuration: validates, generates the CRD field and the reference page. */
  readonly schema: S;
  /**
   * What goes into the IR in place of the configuration: plain data, with everything that it refers to. Called when the
   * object that holds it is translated, and again when something that it referred to changes.
   */
  resolve?(config: Static<S>, context: ResolveContext): R;
  /**
   * Called once per rule and thread, off the path of requests.
   * @throws Error with a message for the operator: the rule is then closed with 500.
   */
  bind(config: R, env: PolicyEnv): BoundPolicy;
}

/** Keeps the types of schema and configuration through the definition. */
export function definePolicy<S extends TSchema, R = Static<S>>(spec: PolicySpec<S, R>): PolicySpec<S, R> {
  return spec;
}

/** @param config as it stands in the IR */
export function phaseOf(spec: PolicySpec, config: unknown): Phase {
  return spec.phaseOf?.(config as never) ?? spec.phase;
}

export type PolicyCatalogue = ReadonlyMap<string, PolicySpec>;
