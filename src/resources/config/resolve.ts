import { parseDuration } from '../../lib/duration.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import { resolveRedis } from './redis.ts';
import type { GatewayConfig } from './schema.ts';

/**
 * A validated configuration with its units resolved: milliseconds, bytes, null for what is switched off.
 * `settings` has the shape of `GatewaySettings` of the IR, without what depends on where the program runs.
 * @throws RangeError for a size of 2^53 bytes or more.
 */
export function resolveConfig(config: GatewayConfig) {
  return {
    settings: {
      listeners: config.listeners.map(resolveListener),
      trustedProxies: config.trustedProxies,
      limits: resolveLimits(config.limits),
      timeouts: resolveTimeouts(config.timeouts),
      pool: {
        maxConnectionsPerEndpoint: config.pool.connectionsPerEndpoint,
        maxPendingPerEndpoint: config.pool.pendingPerEndpoint,
        maxIdlePerEndpoint: config.pool.idlePerEndpoint,
      },
      rateLimits: {
        bucketBytes: parseQuantity(config.rateLimits.memory),
        permitKeys: config.rateLimits.concurrentKeys,
        replicas: resolveReplicas(config.rateLimits.replicas),
      },
      cacheBytes: parseQuantity(config.cache.memory),
      redis: config.redis.map(resolveRedis),
      serverHeader: config.serverHeader === '' ? null : config.serverHeader,
      via: config.via === '' ? null : config.via,
      refusedMethods: config.refusedMethods,
      accessLog: resolveAccessLog(config.accessLog),
      timestampHeader: config.timestampHeader,
      responseTimeHeader: config.responseTimeHeader,
    },
    admin: config.admin,
    /** null: one per available core. */
    threads: config.threads ?? null,
    certificates: config.listeners.flatMap(resolveCertificates),
    policies: config.policies,
    policyNamespace: config.policyNamespace ?? null,
    allowCrossNamespace: config.allowCrossNamespace,
    allowUrlBackends: config.allowUrlBackends,
    allowExternalNames: config.allowExternalNames,
    services: config.services,
  } as const;
}

export type ResolvedConfig = ReturnType<typeof resolveConfig>;

type Listener = GatewayConfig['listeners'][number];
type Transport = { kind: 'plain' } | { kind: 'tls'; minVersion: 'TLSv1.2' | 'TLSv1.3' };

function resolveListener({ tls, ...where }: Listener) {
  const transport: Transport =
    tls === undefined ? { kind: 'plain' } : { kind: 'tls', minVersion: `TLSv${tls.minVersion}` };
  return { ...where, transport };
}

/** Which Secrets a listener's certificates come from, and where that is written. */
function resolveCertificates({ name: listener, tls }: Listener, index: number) {
  return (tls?.certificateRefs ?? []).map(({ name, namespace }, place) => ({
    ...{ listener, place, name, namespace: namespace ?? null },
    steps: ['listeners', index, 'tls', 'certificateRefs', place] as const,
  }));
}

function resolveLimits(limits: GatewayConfig['limits']) {
  return {
    maxHeadBytes: parseQuantity(limits.headBytes),
    maxHeaders: limits.headers,
    maxTargetBytes: parseQuantity(limits.targetBytes),
    maxTrailerBytes: parseQuantity(limits.trailerBytes),
    maxChunkExtensionBytes: parseQuantity(limits.chunkExtensionBytes),
    maxBodyBytes: parseQuantity(limits.bodyBytes),
    maxHeldBodyBytes: parseQuantity(limits.heldBodyBytes),
    maxPipelined: limits.pipelined,
    maxRequestsPerConnection: limits.requestsPerConnection,
    maxConnections: limits.connections,
  };
}

function resolveTimeouts(timeouts: GatewayConfig['timeouts']) {
  return {
    headMs: parseDuration(timeouts.head),
    idleMs: parseDuration(timeouts.idle),
    requestMs: parseDuration(timeouts.request),
    backendMs: parseDuration(timeouts.backend),
    bodyIdleMs: parseDuration(timeouts.bodyIdle),
    connectMs: parseDuration(timeouts.connect),
    upstreamIdleMs: parseDuration(timeouts.upstreamIdle),
    tunnelIdleMs: parseDuration(timeouts.tunnelIdle),
    drainMs: parseDuration(timeouts.drain),
  };
}

type Replicas =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fixed'; readonly count: number }
  | { readonly kind: 'dns'; readonly name: string };

function resolveReplicas(replicas: GatewayConfig['rateLimits']['replicas']): Replicas {
  if (replicas?.count !== undefined) return { kind: 'fixed', count: replicas.count };
  return replicas?.dns === undefined ? { kind: 'unknown' } : { kind: 'dns', name: replicas.dns };
}

type AccessLog = { kind: 'off' } | { kind: 'json' } | { kind: 'template'; template: string };

function resolveAccessLog(log: GatewayConfig['accessLog']): AccessLog {
  if (log.template !== undefined) return { kind: 'template', template: log.template };
  return { kind: log.disabled === undefined ? 'json' : 'off' };
}
