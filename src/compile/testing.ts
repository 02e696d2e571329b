import type { PathMatch, RouteAction, RouteIr, RouteMatch, RuleIr } from '../ir/route.ts';
import type { HttpTimeouts } from '../ir/settings.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import { createCacheMemory } from '../state/cache/memory.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { createLimitMemory } from '../state/limits/memory.ts';
import { NO_CONSUMER_STEPS } from './consumer-plans.ts';
import type { CompileEnv } from './rule.ts';
import type { MatchInput } from './table.ts';

/** Pieces for tests and benchmarks of the router. */

const DEFAULTS: HttpTimeouts = {
  headMs: 1,
  idleMs: 2,
  requestMs: 3,
  backendMs: 4,
  bodyIdleMs: 5,
  connectMs: 6,
  upstreamIdleMs: 7,
  tunnelIdleMs: 8,
  drainMs: 9,
};

/** An environment in which an upstream is its cluster's key. */
export function testEnv(policies: PolicyCatalogue = new Map()): CompileEnv<string> {
  const consumers = new ConsumerDirectory(() => undefined);
  return {
    bindUpstream: (key) => key,
    policies,
    consumerSteps: NO_CONSUMER_STEPS,
    askedSecrets: new Set(),
    policyEnv: {
      threadId: 0,
      limits: createLimitMemory({ threads: 1, bucketBytes: 65_536, permitKeys: 256 }),
      cache: createCacheMemory({ threads: 1, bytes: 1024 * 1024 }),
      cacheHits: { add: () => undefined },
      cacheMisses: { add: () => undefined },
      redis: [],
      outbound: { allowLoopback: true, allowLinkLocal: false },
      secret: ({ secret }) => `text of ${secret}`,
      consumers: (namespace) => consumers.in(namespace),
      consumer: (key) => consumers.byKey(key),
      rateLimitHits: () => ({ add: () => undefined }),
      authenticationRefusals: () => ({ add: () => undefined }),
      shadowOutcomes: () => ({ add: () => undefined }),
      overloadShed: () => ({ add: () => undefined }),
      overloadPressure: () => ({ add: () => undefined, set: () => undefined }),
      log: () => undefined,
    },
    defaults: DEFAULTS,
  };
}

export const RESPOND: RouteAction = { kind: 'respond', status: 204, headers: [], body: '' };

export function matchOf(path: PathMatch, more: Partial<RouteMatch> = {}): RouteMatch {
  return { path, methods: [], headers: [], query: [], cookies: [], clientAddresses: [], claims: [], ...more };
}

/** A route of one match or several, in one rule. */
export function routeOf(name: string, matches: readonly RouteMatch[], more: Partial<RouteIr> = {}): RouteIr {
  return routeOfRules(name, [{ matches }], more);
}

/** A route of several rules, in the namespace `test`. */
export function routeOfRules(
  name: string,
  rules: readonly Partial<RuleIr>[],
  more: Partial<RouteIr> = {},
): RouteIr {
  const object = { kind: 'GatewayRoute', namespace: 'test', name };
  return {
    key: `GatewayRoute/test/${name}`,
    origin: { object, fieldPath: '', location: null },
    createdAtMs: 0,
    hosts: [],
    listeners: [],
    rules: rules.map((rule, i) => ({
      name: `${i}`,
      origin: { object, fieldPath: `spec.rules[${i}]`, location: null },
      matches: [],
      action: RESPOND,
      policies: [],
      ...rule,
    })),
    ...more,
  };
}

/** A request with nothing but what is given. */
export function inputOf(
  request: Partial<Omit<MatchInput, 'header' | 'queryParam' | 'cookie' | 'claim'>> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string>>;
    readonly cookies?: Readonly<Record<string, string>>;
    readonly claims?: Readonly<Record<string, unknown>>;
  },
): MatchInput {
  return {
    listener: request.listener ?? 'http',
    host: request.host ?? 'example.com',
    path: request.path ?? '/',
    method: request.method ?? 'GET',
    clientAddress: request.clientAddress ?? '127.0.0.1',
    header: (name) => request.headers?.[name] ?? null,
    queryParam: (name) => request.query?.[name] ?? null,
    cookie: (name) => request.cookies?.[name] ?? null,
    claim: (name) => request.claims?.[name],
  };
}
