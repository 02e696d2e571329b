import type { PolicyRef, RouteIr, RuleIr } from '../ir/route.ts';
import { PHASES, type Phase, type PolicyCatalogue, type PolicyEnv, phaseOf } from '../pipeline/policy.ts';
import { type ActionEnv, compileAction } from './action.ts';
import { shadowEnv, shadowPolicy } from './shadow-mode.ts';
import type { BoundStep, CompiledRule } from './table.ts';

/** What a thread lends to the rules that it binds. */
export interface CompileEnv<U> extends ActionEnv<U> {
  readonly policies: PolicyCatalogue;
  readonly policyEnv: PolicyEnv;
  /** Keys of the secrets that `policyEnv` was asked for; the builder empties it. */
  readonly askedSecrets: Set<string>;
}

export interface BoundRule<U> {
  readonly rule: CompiledRule<U>;
  /** What could not be bound, for the operator; null when all is well. */
  readonly failure: string | null;
}

/** Binds one rule. A rule that can't be bound is closed: it answers 500 and binds no policy. */
export function bindRule<U>(route: RouteIr, ir: RuleIr, env: CompileEnv<U>): BoundRule<U> {
  const steps: BoundStep[] = [];
  try {
    const action = compileAction(ir.action, env);
    if (action.kind === 'fail') return { rule: ruleOf(route, ir, action, []), failure: null };
    let failure: string | null = null;
    for (const ref of inPhaseOrder(withImplied(ir, env.policies), env.policies)) {
      if (ref.shadow !== true) {
        steps.push(bindPolicy(ref, env));
        continue;
      }
      try {
        steps.push(bindShadow(ref, env));
      } catch (error) {
        failure ??= `${messageOf(error)} (in shadow mode: the rule serves without it)`;
      }
    }
    return { rule: ruleOf(route, ir, action, steps), failure };
  } catch (error) {
    const failure = messageOf(error);
    closeSteps(steps, env.policyEnv);
    return { rule: ruleOf(route, ir, { kind: 'fail', reason: failure }, []), failure };
  }
}

/** Closes what was bound; a policy whose `close` throws does not keep the others open. */
function closeSteps(steps: readonly BoundStep[], env: PolicyEnv): void {
  for (const { name, policy } of steps) {
    try {
      policy.close?.();
    } catch (error) {
      env.log('error', `policy ${name} did not close: ${messageOf(error)}`);
    }
  }
}

function ruleOf<U>(
  route: RouteIr,
  ir: RuleIr,
  action: CompiledRule<U>['action'],
  steps: readonly BoundStep[],
): CompiledRule<U> {
  const backwards = steps.toReversed();
  return {
    route,
    ir,
    action,
    steps,
    onRequest: orNull(steps.filter(({ policy }) => policy.onRequest !== undefined)),
    onResponse: orNull(backwards.filter(({ policy }) => policy.onResponse !== undefined)),
    onDone: orNull(backwards.filter(({ policy }) => policy.onDone !== undefined)),
    active: 0,
    retired: false,
  };
}

function orNull(steps: readonly BoundStep[]): readonly BoundStep[] | null {
  return steps.length === 0 ? null : steps;
}

/** With those that others bring along; one in shadow mode changes nothing, so it brings none. */
function withImplied({ policies, origin }: RuleIr, catalogue: PolicyCatalogue): readonly PolicyRef[] {
  if (policies.length === 0) return policies;
  const acting = policies.filter(({ shadow }) => shadow !== true);
  const phases = new Set(acting.map((ref) => phaseOfRef(ref, catalogue)));
  const added: PolicyRef[] = [];
  for (const { name, phase, implied } of catalogue.values()) {
    if (implied === undefined || !phases.has(phase)) continue;
    if (!policies.some((ref) => ref.name === name)) added.push({ name, config: implied, origin });
  }
  return added.length === 0 ? policies : [...policies, ...added];
}

/** By phase, then as listed; what is implied by a phase behind all others of it. */
function inPhaseOrder(refs: readonly PolicyRef[], catalogue: PolicyCatalogue): readonly PolicyRef[] {
  if (refs.length < 2) return refs;
  const place = (ref: PolicyRef): number => {
    const last = specOf(ref, catalogue).implied !== undefined;
    return 2 * PHASES.indexOf(phaseOfRef(ref, catalogue)) + (last ? 1 : 0);
  };
  return refs.toSorted((a, b) => place(a) - place(b));
}

function bindPolicy<U>(ref: PolicyRef, env: CompileEnv<U>, lent: PolicyEnv = env.policyEnv): BoundStep {
  const spec = specOf(ref, env.policies);
  try {
    return { name: ref.name, policy: spec.bind(ref.config as never, lent) };
  } catch (error) {
    throw new Error(`policy ${ref.name}: ${messageOf(error)}`);
  }
}

function bindShadow<U>(ref: PolicyRef, env: CompileEnv<U>): BoundStep {
  const { name, policy } = bindPolicy(ref, env, shadowEnv(ref.name, env.policyEnv));
  return { name, policy: shadowPolicy(name, policy, env.policyEnv) };
}

function phaseOfRef(ref: PolicyRef, catalogue: PolicyCatalogue): Phase {
  return phaseOf(specOf(ref, catalogue), ref.config);
}

function specOf(ref: PolicyRef, catalogue: PolicyCatalogue) {
  const spec = catalogue.get(ref.name);
  if (spec !== undefined) return spec;
  throw new Error(
    `policy ${ref.name} is not known; known are: ${[...catalogue.keys()].join(', ') || 'none'}`,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
