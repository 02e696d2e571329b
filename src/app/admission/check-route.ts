import type { Finding } from '../../ir/finding.ts';
import type { ObjectRef } from '../../ir/origin.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { Secret } from '../../resources/core/secret.ts';
import type { GatewayRoute } from '../../resources/gateway-route/schema.ts';
import { translateRoute } from '../../translate/gateway-route.ts';
import { NO_GLOBALS } from '../../translate/global-policies.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import type { ServiceShape } from '../../translate/service.ts';

/** A GatewayRoute with all that its translation needs; plain data. */
export interface RouteCheckJob {
  readonly ref: ObjectRef;
  readonly object: GatewayRoute;
  /** The Services that it names, by key, as far as they are there. */
  readonly services: ReadonlyMap<string, ServiceShape>;
  /** `spec` of what its policies refer to, by key, as far as it is there. */
  readonly referred: ReadonlyMap<string, unknown>;
  /** The Secrets that they refer to, by key, as far as they are known. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

export interface RouteCheckResult {
  readonly route: RouteIr;
  /** What only an edit of the route mends. */
  readonly faults: readonly Finding[];
  /** What other objects may mend. */
  readonly notes: readonly Finding[];
}

/** Translates a route and throws the outcome away, but for what it says of the route. */
export function checkRoute(
  { ref, object, services, referred, secrets }: RouteCheckJob,
  options: TranslateOptions,
): RouteCheckResult {
  const origin = (fieldPath: string) => ({ object: ref, fieldPath, location: null });
  const { route, report } = translateRoute({ kind: 'GatewayRoute', ref, object, origin }, options, {
    service: (key) => services.get(key),
    referred: (key) => referred.get(key) ?? null,
    secret: (key) => secrets.get(key) ?? null,
    // What is wrong with those is no fault of the route.
    globals: NO_GLOBALS,
  });
  const faults = new Set(report.faults);
  const notes = report.findings.filter((finding) => !faults.has(finding) && !isUnreadSecret(finding));
  return { route, faults: report.faults, notes };
}

/** Only Secrets and ConfigMaps that something refers to are read: one that is named for the first time may well be there. */
export function isUnreadSecret(finding: Finding): boolean {
  return finding.code === 'referenceNotFound' && ['Secret', 'ConfigMap'].includes(finding.ref.kind);
}
