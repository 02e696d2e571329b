import { objectKey } from '../ir/origin.ts';
import type { RouteIr } from '../ir/route.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { ClusterNeed } from './backend.ts';
import type { GlobalRefs } from './global-policies.ts';
import { canonicalHost } from './host.ts';
import type { InputObjectOf } from './input.ts';
import type { TranslateOptions } from './options.ts';
import { mergePolicies, translatePolicies } from './policies.ts';
import { Report } from './report.ts';
import { closed, type RuleContext, translateRule } from './rule.ts';
import type { ServiceShape } from './service.ts';

const NONE: readonly string[] = [];

export type SourcedRoute = InputObjectOf<'GatewayRoute'>;

export interface TranslatedRoute {
  readonly route: RouteIr;
  readonly report: Report;
  /** Clusters that it sends requests to, by key. */
  readonly needs: ReadonlyMap<string, ClusterNeed>;
  /** Keys of the Services (`namespace/name`) and other objects (`kind/namespace/name`) asked for, there or not. */
  readonly dependencies: ReadonlySet<string>;
  /** Texts of the secrets that its policies name, by their keys. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** What routes refer to. */
export interface RouteSurroundings {
  service(key: string): ServiceShape | undefined;
  /** `spec` of an object that policies refer to, by `kind/namespace/name`; null when it is not there. */
  referred(key: string): unknown;
  /** A Secret, by `Secret/namespace/name`; null when it is not there. */
  secret(key: string): Secret | null;
  readonly globals: GlobalRefs;
}

/** A GatewayRoute, given what there is that it may refer to. */
export function translateRoute(
  sourced: SourcedRoute,
  options: TranslateOptions,
  surroundings: RouteSurroundings,
): TranslatedRoute {
  const { metadata, spec } = sourced.object;
  const report = new Report(sourced);
  const hosts = translateHosts(spec.hosts ?? [], report);
  checkListeners(spec.listeners ?? [], options.listeners, report);
  const dependencies = new Set<string>();
  const { namespace } = metadata;
  const policyContext = {
    namespace,
    catalogue: options.catalogue,
    referred: (key: string): unknown => {
      dependencies.add(key);
      return surroundings.referred(key);
    },
    secret: (key: string): Secret | null => {
      dependencies.add(key);
      return surroundings.secret(key);
    },
    secrets: new Map<string, string>(),
  };
  const policyReport = report.child();
  const own = translatePolicies(spec.policies, 'spec.policies', { ...policyContext, report: policyReport });
  const context: RuleContext = {
    namespace,
    rules: options.backends,
    options,
    report,
    policies: mergePolicies(surroundings.globals.refs, own),
    badGlobals: surroundings.globals.bad,
    needs: new Map<string, ClusterNeed>(),
    policyContext,
    service: (key) => {
      dependencies.add(key);
      return surroundings.service(key);
    },
  };
  const rules = spec.rules.map((rule, index) => translateRule(rule, index, context));
  const route: RouteIr = {
    key: objectKey(sourced.ref),
    origin: report.place(''),
    createdAtMs: metadata.creationTimestamp == null ? 0 : Date.parse(metadata.creationTimestamp) || 0,
    hosts,
    listeners: spec.listeners ?? NONE,
    // No host list means every host; a list of which none can be used must not come to mean that.
    rules: hosts.length === 0 && (spec.hosts?.length ?? 0) > 0 ? [] : rules,
  };
  const { needs } = context;
  const { secrets } = policyContext;
  if (!policyReport.faulty && !policyReport.incomplete)
    return { route, report, needs, dependencies, secrets };
  // A policy of the whole route is missing: none of its rules may answer as if it were there.
  const shut = route.rules.map((rule) => ({ ...rule, action: closed(policyReport) }));
  return { route: { ...route, rules: shut }, report, needs, dependencies, secrets };
}

function translateHosts(hosts: readonly string[], report: Report): readonly string[] {
  const canonical = hosts.flatMap((text, index) => {
    const result = canonicalHost(text);
    if (result.ok) return [result.host];
    report.fault(`spec.hosts[${index}]`, { code: 'invalid', message: result.message });
    return [];
  });
  return [...new Set(canonical)];
}

function checkListeners(wanted: readonly string[], available: readonly string[], report: Report): void {
  wanted.forEach((listener, index) => {
    if (available.includes(listener)) return;
    report.note(`spec.listeners[${index}]`, { code: 'listenerNotFound', listener, available });
  });
}
