import type { PolicyRef } from '../ir/route.ts';
import {
  type Phase,
  type PolicyCatalogue,
  type PolicyEnv,
  type PolicySpec,
  phaseOf,
} from '../pipeline/policy.ts';
import { shadowEnv, shadowPolicy } from './shadow-mode.ts';
import type { BoundStep } from './table.ts';

/** @throws Error for the operator */
export function bindAct(ref: PolicyRef, catalogue: PolicyCatalogue, lent: PolicyEnv): BoundStep {
  const spec = specOf(ref, catalogue);
  try {
    return { name: ref.name, policy: spec.bind(ref.config as never, lent) };
  } catch (error) {
    throw new Error(`policy ${ref.name}: ${messageOf(error)}`);
  }
}

/** @throws Error for the operator */
export function bindShadow(ref: PolicyRef, catalogue: PolicyCatalogue, env: PolicyEnv): BoundStep {
  const { name, policy } = bindAct(ref, catalogue, shadowEnv(ref.name, env));
  return { name, policy: shadowPolicy(name, policy, env) };
}

/** @throws Error when there is no such policy */
export function phaseOfRef(ref: PolicyRef, catalogue: PolicyCatalogue): Phase {
  return phaseOf(specOf(ref, catalogue), ref.config);
}

/** @throws Error when there is no such policy */
export function specOf(ref: PolicyRef, catalogue: PolicyCatalogue): PolicySpec {
  const spec = catalogue.get(ref.name);
  if (spec !== undefined) return spec;
  throw new Error(
    `policy ${ref.name} is not known; known are: ${[...catalogue.keys()].join(', ') || 'none'}`,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
