import { isDeepStrictEqual } from 'node:util';
import type { EndpointsIr } from '../ir/cluster.ts';
import type { ConsumerIr } from '../ir/consumer.ts';
import type { Finding } from '../ir/finding.ts';
import type { GatewayIr, IrDelta } from '../ir/gateway.ts';
import { type ObjectRef, type Origin, objectKey } from '../ir/origin.ts';
import type { RouteIr } from '../ir/route.ts';
import type { SecretIr } from '../ir/secret.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { ResourceKind } from '../resources/kinds.ts';
import { Certificates } from './certificates.ts';
import { ClusterStore } from './cluster-store.ts';
import { type ConsumerChange, ConsumerStore } from './consumer-store.ts';
import { GlobalPolicies } from './global-policies.ts';
import type { Input, InputObject } from './input.ts';
import type { TranslateOptions } from './options.ts';
import { type RouteChange, type RouteNeeds, RouteStore } from './route-store.ts';
import { SecretStore } from './secrets.ts';
import type { ServiceShape } from './service.ts';
import { ServiceStore } from './service-store.ts';

const NEEDS_NOTHING: RouteNeeds = { clusters: new Map(), secrets: new Map() };

/** What a change of the resources means for the data plane. */
export interface TranslatedChange {
  readonly delta: IrDelta;
  /** Endpoint lists that are new or different. */
  readonly endpoints: readonly EndpointsIr[];
}

/**
 * Resources → IR and findings. It holds the last state, so that a change costs what it touches: an object
 * is translated once per version, and a route again when something that it names changes.
 *
 * The passes of one change, in order: stores of referenced kinds, then Services and slices, then the routes and Consumers
 * that are new or depend on what changed, then the clusters, endpoints and secrets that those need.
 */
export class Translator {
  readonly #services: ServiceStore;
  readonly #routes: RouteStore;
  readonly #clusters: ClusterStore;
  readonly #secrets = new SecretStore();
  /** Every object of the kinds that are only referred to. */
  readonly #referred = new Map<string, InputObject>();
  readonly #consumers: ConsumerStore;
  readonly #globals: GlobalPolicies;
  readonly #certificates: Certificates;
  /** Something that policies of every route refer to has changed. */
  #globalsStale = false;
  #certificatesStale = false;
  #sourceFindings: readonly Finding[] = [];

  /** `now` tells since when a version is served; nothing else depends on it. */
  constructor(options: TranslateOptions, now: () => Date = () => new Date()) {
    this.#services = new ServiceStore(options.backends);
    const surroundings = { referred: this.referredSpec, secret: this.secret };
    this.#globals = new GlobalPolicies(options, surroundings);
    this.#certificates = new Certificates(options, this.secret, now);
    const globals = this.#globals;
    const ofRoutes = {
      ...{ ...surroundings, service: this.service },
      get globals() {
        return globals.current;
      },
    };
    this.#routes = new RouteStore(options, ofRoutes, now);
    this.#consumers = new ConsumerStore(surroundings, options.catalogue);
    this.#clusters = new ClusterStore((service, portName) => this.#services.endpoints(service, portName));
  }

  get ir(): GatewayIr {
    return { routes: this.#routes.routes, clusters: this.#clusters.all };
  }

  get endpoints(): readonly EndpointsIr[] {
    return this.#clusters.endpoints;
  }

  /** The Consumers, as threads know them. Print none of their keys. */
  get consumers(): readonly ConsumerIr[] {
    return this.#consumers.all;
  }

  /** The secrets that routes, Consumers and listeners name. Never print them. */
  get secrets(): readonly SecretIr[] {
    return this.#secrets.all;
  }

  /** Everything that is known to be wrong now, the source's findings first. */
  get findings(): readonly Finding[] {
    const { findings } = this.#consumers;
    return [
      ...this.#fromSource(),
      ...this.#certificates.findings,
      ...this.#globals.findings,
      ...this.#routes.findings,
      ...this.#services.findings,
      ...findings,
    ];
  }

  /** A Service that there is, by its key. */
  readonly service = (key: string): ServiceShape | undefined => this.#services.shape(key);

  /** An object of a kind that is only referred to. */
  readonly referred = (kind: ResourceKind, namespace: string, name: string): InputObject | undefined =>
    this.#referred.get(objectKey({ kind, namespace, name }));

  /** What policies see of an object that they refer to: its `spec`, the data of a ConfigMap; null when it is not there. */
  readonly referredSpec = (key: string): unknown => {
    const found = this.#referred.get(key);
    if (found === undefined) return null;
    if (found.kind === 'ConfigMap') return found.object.data ?? {};
    return 'spec' in found.object ? found.object.spec : null;
  };

  /** A Secret that there is, by its key. */
  readonly secret = (key: string): Secret | null => {
    const found = this.#referred.get(key);
    return found?.kind === 'Secret' ? found.object : null;
  };

  /** The exact place of a field that the IR names. */
  locate(origin: Origin): Origin {
    return this.#routes.servedSource(objectKey(origin.object))?.origin(origin.fieldPath) ?? origin;
  }

  /** Takes a change of the resources. */
  update(change: Input): TranslatedChange {
    this.#sourceFindings = change.findings;
    const removedRoutes = new Set<string>();
    const upsertedRoutes = new Map<string, RouteIr>();
    const put = ({ route, needsBefore, needsAfter }: RouteChange): void => {
      this.#replace(needsBefore, needsAfter);
      upsertedRoutes.set(route.key, route);
    };
    const stale = new Set<string>();
    for (const ref of change.remove) this.#remove(ref, stale, removedRoutes);
    for (const sourced of change.upsert) this.#keep(sourced, stale);
    this.#refreshGlobals(stale);
    this.#refreshCertificates();
    for (const sourced of change.upsert) {
      if (sourced.kind === 'GatewayRoute') put(this.#routes.put(objectKey(sourced.ref), sourced));
    }
    for (const sourced of change.upsert) {
      if (sourced.kind === 'Consumer') this.#replaceSecrets(this.#consumers.put(sourced));
    }
    for (const key of stale) {
      this.#replaceSecrets(this.#consumers.refresh(key));
      const refreshed = upsertedRoutes.has(key) ? null : this.#routes.refresh(key);
      if (refreshed !== null) put(refreshed);
    }
    const clusters = this.#clusters.take();
    const secrets = this.#secrets.take();
    const consumers = this.#consumers.take();
    return {
      delta: {
        upsertRoutes: [...upsertedRoutes.values()],
        removeRoutes: [...removedRoutes].filter((key) => !upsertedRoutes.has(key)),
        upsertClusters: clusters.upsert,
        removeClusters: clusters.remove,
        upsertSecrets: secrets.upsert,
        removeSecrets: secrets.remove,
        upsertConsumers: consumers.upsert,
        removeConsumers: consumers.remove,
      },
      endpoints: clusters.endpoints,
    };
  }

  #remove(ref: ObjectRef, stale: Set<string>, removedRoutes: Set<string>): void {
    const key = objectKey(ref);
    if (this.#referred.delete(key)) this.#markDependents(key, stale);
    if (ref.kind === 'Consumer') this.#replaceSecrets(this.#consumers.remove(key));
    if (ref.kind === 'GatewayRoute') {
      const needs = this.#routes.remove(key);
      if (needs === null) return;
      this.#replace(needs, NEEDS_NOTHING);
      removedRoutes.add(key);
    } else if (ref.kind === 'Service') {
      this.#markService(this.#services.removeService(ref.namespace, ref.name), stale);
    } else if (ref.kind === 'EndpointSlice') {
      for (const service of this.#services.removeSlice(key)) this.#clusters.markService(service);
    }
  }

  /** Takes everything that routes refer to, before any route is translated. */
  #keep(sourced: InputObject, stale: Set<string>): void {
    switch (sourced.kind) {
      case 'Service':
        this.#markService(this.#services.putService(sourced), stale);
        break;
      case 'EndpointSlice':
        for (const service of this.#services.putSlice(sourced)) this.#clusters.markService(service);
        break;
      case 'RateLimitPolicy':
      case 'ConfigMap':
      case 'Secret':
        this.#putReferred(sourced, stale);
        break;
      case 'Consumer':
      case 'GatewayRoute':
        break;
    }
  }

  #refreshGlobals(stale: Set<string>): void {
    if (!this.#globalsStale) return;
    this.#globalsStale = false;
    const change = this.#globals.refresh();
    this.#replaceSecrets(change);
    if (change.isNew) for (const key of this.#routes.keys) stale.add(key);
  }

  #refreshCertificates(): void {
    if (!this.#certificatesStale) return;
    this.#certificatesStale = false;
    this.#replaceSecrets(this.#certificates.refresh());
  }

  #replace(before: RouteNeeds, after: RouteNeeds): void {
    this.#clusters.replace(before.clusters, after.clusters);
    this.#secrets.replace(before.secrets, after.secrets);
  }

  #putReferred(sourced: InputObject, stale: Set<string>): void {
    const key = objectKey(sourced.ref);
    const before = this.#referred.get(key);
    this.#referred.set(key, sourced);
    if (before === undefined || !isDeepStrictEqual(contentOf(before), contentOf(sourced)))
      this.#markDependents(key, stale);
  }

  #replaceSecrets(change: Pick<ConsumerChange, 'secretsBefore' | 'secretsAfter'> | null): void {
    if (change !== null) this.#secrets.replace(change.secretsBefore, change.secretsAfter);
  }

  /** Routes and Consumers: their keys tell which is which. */
  #markDependents(key: string, stale: Set<string>): void {
    if (this.#globals.dependsOn(key)) this.#globalsStale = true;
    if (this.#certificates.dependsOn(key)) this.#certificatesStale = true;
    for (const route of this.#routes.dependentsOf(key)) stale.add(route);
    for (const consumer of this.#consumers.dependentsOf(key)) stale.add(consumer);
  }

  #markService(service: string | null, stale: Set<string>): void {
    if (service === null) return;
    this.#clusters.markService(service);
    this.#markDependents(service, stale);
  }

  /** The source keeps a bad object's last good version by not removing it: here that is said. */
  *#fromSource(): Iterable<Finding> {
    const told = new Set<string>();
    for (const finding of this.#sourceFindings) {
      yield finding;
      const key = objectKey(finding.origin.object);
      const since =
        finding.code === 'invalid' || finding.code === 'unreadable' ? this.#routes.servedSince(key) : null;
      if (since === null || told.has(key)) continue;
      told.add(key);
      yield { origin: finding.origin, code: 'keptLastGood', since };
    }
  }
}

/** What others may see of an object that they refer to: not its labels, nor its resource version. */
function contentOf({ object }: InputObject): unknown {
  const { metadata: _, ...content } = object;
  return content;
}
