import type { ForwardAction, MirrorIr, Rewrite, WeightedBackend } from '../ir/route.ts';
import { parseDuration } from '../lib/duration.ts';
import { parseQuantity } from '../lib/quantity.ts';
import type { RouteBackend, RouteRule } from '../resources/gateway-route/schema.ts';
import { type BackendContext, type ClusterNeed, translateBackend } from './backend.ts';
import { translatePathRewrite } from './rewrite.ts';
import { translateRetry, translateTimeout } from './timing.ts';

export interface ForwardContext extends BackendContext {
  /** Clusters that the rules need are added here, by key. */
  readonly needs: Map<string, ClusterNeed>;
}

const NO_REWRITE: Rewrite = { path: { kind: 'none' }, host: null };
const NO_MIRRORS: readonly MirrorIr[] = [];

export function translateForward(rule: RouteRule, at: string, context: ForwardContext): ForwardAction {
  const path = translatePathRewrite(rule.rewrite?.path, `${at}.rewrite.path`, context.report);
  const host = rule.rewrite?.host ?? null;
  // A backend's own host goes before the rule's. Where one has its own, every cluster says which it is.
  const perBackend = rule.backends?.some((backend) => backend.host !== undefined) === true;
  const clusterHost = perBackend ? host : null;
  return {
    kind: 'forward',
    backends: translateBackends(rule.backends ?? [], clusterHost, `${at}.backends`, context),
    balancing: rule.balancing,
    requestTimeout: translateTimeout(rule.timeouts?.request),
    backendTimeout: translateTimeout(rule.timeouts?.backend),
    idleTimeout: translateTimeout(rule.timeouts?.idle),
    retry: translateRetry(rule.retry),
    hedge: rule.hedge === undefined ? null : { afterMs: parseDuration(rule.hedge.after) },
    rewrite: rule.rewrite === undefined ? NO_REWRITE : { path, host: perBackend ? null : host },
    mirrors: translateMirrors(rule, host, `${at}.mirror`, context),
    maxBodyBytes: translateBodyLimit(rule, at, context),
  };
}

function translateBackends(
  backends: readonly RouteBackend[],
  host: string | null,
  at: string,
  context: ForwardContext,
): readonly WeightedBackend[] {
  return backends.flatMap((backend, index) => {
    const place = `${at}[${index}]`;
    const need = translateBackend(backend, backend.host ?? host, place, context);
    if (need === null) return [];
    context.needs.set(need.ir.key, need);
    return [{ cluster: need.ir.key, weight: backend.weight, origin: context.report.place(place) }];
  });
}

function translateMirrors(
  rule: RouteRule,
  host: string | null,
  at: string,
  context: ForwardContext,
): readonly MirrorIr[] {
  if (rule.mirror === undefined) return NO_MIRRORS;
  return rule.mirror.flatMap((mirror, index) => {
    const need = translateBackend(mirror, mirror.host ?? host, `${at}[${index}]`, context);
    if (need === null) return [];
    context.needs.set(need.ir.key, need);
    return [{ cluster: need.ir.key, percent: mirror.percent }];
  });
}

function translateBodyLimit(rule: RouteRule, at: string, context: ForwardContext): number | null {
  if (rule.maxBodyBytes === undefined) return null;
  try {
    return parseQuantity(rule.maxBodyBytes);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    context.report.fault(`${at}.maxBodyBytes`, { code: 'invalid', message });
    return 0;
  }
}
