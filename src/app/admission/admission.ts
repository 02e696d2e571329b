import { isDeepStrictEqual } from 'node:util';
import { type AdmissionRequest, MalformedReviewError, type Verdict } from '../../admin/webhook/review.ts';
import { describeFinding } from '../../ir/describe.ts';
import type { Finding } from '../../ir/finding.ts';
import { objectKey } from '../../ir/origin.ts';
import type { RouteIr } from '../../ir/route.ts';
import type { PolicyCatalogue } from '../../pipeline/policy.ts';
import type { Secret } from '../../resources/core/secret.ts';
import type { GatewayRoute } from '../../resources/gateway-route/schema.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import { API_VERSION } from '../../resources/metadata.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { KubeMeta, KubeObject } from '../../sources/kubernetes/client/object.ts';
import { isOwnKind } from '../../sources/kubernetes/kinds.ts';
import { readObject } from '../../sources/kubernetes/read-object.ts';
import { secretNamesIn } from '../../sources/secret-names.ts';
import type { SourcedObject } from '../../sources/source.ts';
import { type SourcedConsumer, translateConsumer } from '../../translate/consumer.ts';
import type { InputObject } from '../../translate/input.ts';
import { type ServiceShape, serviceKey } from '../../translate/service.ts';
import { fieldLine } from '../finding-line.ts';
import { isUnreadSecret } from './check-route.ts';
import type { RouteChecker } from './route-checker.ts';
import { shadowedMatches } from './shadowing.ts';

/** The objects that there are, as far as the gateway knows them. */
export interface Surroundings {
  service(key: string): ServiceShape | undefined;
  referred(kind: ResourceKind, namespace: string, name: string): InputObject | undefined;
  routes(): readonly RouteIr[];
}

interface AdmissionOptions {
  readonly catalogue: PolicyCatalogue;
  readonly validators: ResourceValidators;
  readonly checker: Pick<RouteChecker, 'check'>;
  readonly surroundings: Surroundings;
}

const ALLOWED: Verdict = { allowed: true, warnings: [] };

/**
 * Judges objects that are about to be written: what `validate` calls an error of the object itself is refused, in its
 * words. What other objects may still mend, such as a Service that is not there yet, is a warning.
 */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * @throws MalformedReviewError; Error when the signal gives the check up
   */
  async judge(request: AdmissionRequest, signal: AbortSignal): Promise<Verdict> {
    const { operation, subResource, apiVersion, kind } = request;
    if (subResource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return ALLOWED;
    const object = namedObject(request);
    // Finalizers come off whatever the rest of it says.
    if (object.metadata.deletionTimestamp != null) return ALLOWED;
    if (apiVersion !== API_VERSION || !isOwnKind(kind)) return unknownKind(request, object);
    // An object that became bad otherwise can still be labelled, owned and annotated.
    if (operation === 'UPDATE' && isDeepStrictEqual(object.spec, specOf(request.oldObject))) return ALLOWED;
    const { good, findings } = readObject(kind, object, this.#options.validators);
    if (good === null) return verdict(findings, []);
    return this.#judgeValid(good, signal);
  }

  async #judgeValid(sourced: SourcedObject, signal: AbortSignal): Promise<Verdict> {
    const { checker, surroundings } = this.#options;
    if (sourced.kind === 'Consumer') return this.#judgeConsumer(sourced);
    if (sourced.kind !== 'GatewayRoute') return ALLOWED;
    const { ref, object } = sourced;
    const job = {
      ...{ ref, object, services: this.#servicesOf(object) },
      ...{ referred: this.#referredOf(object), secrets: this.#secretsOf(object) },
    };
    const { route, faults, notes } = await checker.check(job, signal);
    if (faults.length > 0) return verdict(faults, notes);
    return verdict([], [...notes, ...shadowedMatches(route, surroundings.routes())]);
  }

  /** What a Consumer refers to may come: that is a warning. */
  #judgeConsumer(consumer: SourcedConsumer): Verdict {
    const { surroundings, catalogue } = this.#options;
    const found = (key: string): InputObject | undefined => {
      const [kind = '', namespace = '', name = ''] = key.split('/');
      return surroundings.referred(kind as ResourceKind, namespace, name);
    };
    const { report } = translateConsumer(
      consumer,
      {
        referred(key) {
          const object = found(key)?.object;
          return object !== undefined && 'spec' in object ? object.spec : null;
        },
        secret(key) {
          const secret = found(key);
          return secret?.kind === 'Secret' ? secret.object : null;
        },
      },
      catalogue,
    );
    const { findings, faults } = report;
    const notes = findings.filter((finding) => !faults.includes(finding) && !isUnreadSecret(finding));
    return verdict(faults, notes);
  }

  /** What the policies of a route refer to by `ref`, as far as it is there. */
  #referredOf({ metadata, spec }: GatewayRoute): ReadonlyMap<string, unknown> {
    const found = new Map<string, unknown>();
    for (const entry of [spec, ...spec.rules].flatMap(({ policies = [] }) => policies)) {
      const { ref } = (entry.rateLimit ?? {}) as { readonly ref?: string };
      if (ref === undefined) continue;
      const object = { kind: 'RateLimitPolicy', namespace: metadata.namespace, name: ref } as const;
      const policy = this.#options.surroundings.referred(object.kind, object.namespace, object.name);
      if (policy?.kind === 'RateLimitPolicy') found.set(objectKey(object), policy.object.spec);
    }
    return found;
  }

  /** The Secrets that a route names, as far as they are read already. */
  #secretsOf({ metadata, spec }: GatewayRoute): ReadonlyMap<string, Secret> {
    const found = new Map<string, Secret>();
    for (const name of secretNamesIn(spec)) {
      const object = { kind: 'Secret', namespace: metadata.namespace, name } as const;
      const secret = this.#options.surroundings.referred(object.kind, object.namespace, object.name);
      if (secret?.kind === 'Secret') found.set(objectKey(object), secret.object);
    }
    return found;
  }

  /** The Services that a route names, as far as they are there. */
  #servicesOf({ metadata, spec }: GatewayRoute): ReadonlyMap<string, ServiceShape> {
    const found = new Map<string, ServiceShape>();
    for (const { backends = [], mirror = [] } of spec.rules) {
      for (const { service } of [...backends, ...mirror]) {
        if (service === undefined) continue;
        const key = serviceKey(service.namespace ?? metadata.namespace, service.name);
        const shape = this.#options.surroundings.service(key);
        if (shape !== undefined) found.set(key, shape);
      }
    }
    return found;
  }
}

function verdict(faults: readonly Finding[], notes: readonly Finding[]): Verdict {
  const warnings = notes.map(fieldLine);
  if (faults.length === 0) return { allowed: true, warnings };
  return { allowed: false, message: faults.map(fieldLine).join('\n'), warnings };
}

/** The object with the name that it will have. */
function namedObject({ object, namespace }: AdmissionRequest): KubeObject {
  const { metadata } = (object ?? {}) as { metadata?: unknown };
  if (typeof metadata !== 'object' || metadata === null) {
    throw new MalformedReviewError('request.object must be an object with metadata');
  }
  const meta = metadata as KubeMeta & { readonly generateName?: unknown };
  const name = meta.name ?? (typeof meta.generateName === 'string' ? `${meta.generateName}x` : '');
  return { ...(object as object), metadata: { ...meta, name, namespace: meta.namespace ?? namespace } };
}

function specOf(object: unknown): unknown {
  return (object as { spec?: unknown } | null)?.spec;
}

function unknownKind({ apiVersion, kind }: AdmissionRequest, { metadata }: KubeObject): Verdict {
  const ref = { kind, namespace: metadata.namespace ?? '', name: metadata.name };
  const origin = { object: ref, fieldPath: '', location: null };
  const { message } = describeFinding({ code: 'unknownKind', origin, apiVersion, kind });
  return { allowed: true, warnings: [`${message}: the webhook has nothing to say of it`] };
}
