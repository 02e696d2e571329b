import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';
import { type GatewayConfig, gatewayConfigSchema } from '../config/schema.ts';
import { consumerSchema } from '../consumer.ts';
import { configMapSchema } from '../core/config-map.ts';
import { endpointSliceSchema } from '../core/endpoint-slice.ts';
import { secretSchema } from '../core/secret.ts';
import { serviceSchema } from '../core/service.ts';
import { gatewayRouteSchema, type PolicyDescriptions } from '../gateway-route/schema.ts';
import type { ResourceByKind, ResourceKind } from '../kinds.ts';
import { rateLimitPolicySchema } from '../rate-limit-policy.ts';
import { addKeywords } from './keywords.ts';
import { describeErrors, type FieldError } from './messages.ts';
import { AJV_OPTIONS } from './options.ts';
import { createVerdict, type Verdict } from './verdict.ts';

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  /** At least one error. */
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Checks parsed objects. Defaults are written into the object that is given. */
export interface ResourceValidators {
  validate<K extends ResourceKind>(kind: K, candidate: unknown): Validation<ResourceByKind[K]>;
  validateConfig(candidate: unknown): Validation<GatewayConfig>;
}

/**
 * Validators of every kind over a catalogue of policies. A schema is compiled when its kind is first seen.
 * @throws Error on first use when a policy's schema is not a valid JSON Schema.
 */
export function createValidators(policies: PolicyDescriptions): ResourceValidators {
  const schemas: Readonly<Record<ResourceKind, () => TSchema>> = {
    GatewayRoute: () => gatewayRouteSchema(policies),
    RateLimitPolicy: () => rateLimitPolicySchema,
    Consumer: () => consumerSchema(policies),
    Service: () => serviceSchema,
    EndpointSlice: () => endpointSliceSchema,
    Secret: () => secretSchema,
    ConfigMap: () => configMapSchema,
  };
  const checks = new Map<ResourceKind, Check<unknown>>();
  const checkConfig = lazyCheck<GatewayConfig>(() => gatewayConfigSchema(policies), false);
  return {
    validate<K extends ResourceKind>(kind: K, candidate: unknown): Validation<ResourceByKind[K]> {
      let check = checks.get(kind);
      if (check === undefined) {
        check = lazyCheck(schemas[kind], kind === 'Secret');
        checks.set(kind, check);
      }
      return check(candidate) as Validation<ResourceByKind[K]>;
    },
    validateConfig: checkConfig,
  };
}

type Check<T> = (candidate: unknown) => Validation<T>;

/**
 * Good objects only need a verdict; a bad one pays for the passes that find what is wrong: with its shape, or in a good
 * shape what only code can tell. Of a huge one only the first error is looked for.
 */
function lazyCheck<T>(makeSchema: () => TSchema, secret: boolean): Check<T> {
  let fits: Verdict | undefined;
  let first: ValidateFunction | undefined;
  let shape: ValidateFunction | undefined;
  let refinements: ValidateFunction | undefined;
  return (candidate) => {
    fits ??= createVerdict(makeSchema());
    if (fits(candidate)) return { ok: true, value: candidate as T };
    let errors: readonly ErrorObject[];
    if (isHuge(candidate)) {
      first ??= compile(makeSchema(), { allErrors: false, refine: true });
      first(candidate);
      errors = first.errors ?? [];
    } else {
      shape ??= compile(makeSchema(), { allErrors: true, refine: false });
      if (shape(candidate)) {
        refinements ??= compile(makeSchema(), { allErrors: true, refine: true });
        refinements(candidate);
        errors = refinements.errors ?? [];
      } else {
        errors = shape.errors ?? [];
      }
    }
    return { ok: false, errors: describeErrors(errors, candidate, secret) };
  };
}

function compile(
  schema: TSchema,
  { allErrors, refine }: { allErrors: boolean; refine: boolean },
): ValidateFunction {
  const ajv = new Ajv({ ...AJV_OPTIONS, allErrors, verbose: true });
  addKeywords(ajv, refine);
  return ajv.compile(schema);
}

/** Whether collecting every error could take memory out of proportion. */
function isHuge(root: unknown): boolean {
  let budget = 10_000;
  const visit = (value: unknown): void => {
    if (--budget <= 0 || typeof value !== 'object' || value === null) return;
    for (const child of Object.values(value)) visit(child);
  };
  visit(root);
  return budget <= 0;
}
