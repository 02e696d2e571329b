import type { PolicyRef, RouteIr, RuleIr } from '../ir/route.ts';
import {
  CONSUMER_PHASES,
  PHASES,
  type Phase,
  type PolicyCatalogue,
  type PolicyEnv,
} from '../pipeline/policy.ts';
import { type ActionEnv, compileAction } from './action.ts';
import type { ConsumerSteps } from './consumer-plans.ts';
import { bindAct, bindShadow, messageOf, phaseOfRef, specOf } from './step.ts';
import type { BoundStep, CompiledRule } from './table.ts';

/** What a thread lends to the rules that it binds. */
export interface CompileEnv<U> extends ActionEnv<U> {
  readonly policies: PolicyCatalogue;
  readonly policyEnv: PolicyEnv;
  /** Policies of Consumers, in the rules that find out who calls. */
  readonly consumerSteps: ConsumerSteps;
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
    const { policies: catalogue, policyEnv } = env;
    let failure: string | null = null;
    const phases: Phase[] = [];
    for (const ref of inPhaseOrder(withImplied(ir, catalogue), catalogue)) {
      try {
        steps.push(
          ref.shadow === true ? bindShadow(ref, catalogue, policyEnv) : bindAct(ref, catalogue, policyEnv),
        );
        phases.push(phaseOfRef(ref, catalogue));
      } catch (error) {
        if (ref.shadow !== true) throw error;
        failure ??= `${messageOf(error)} (in shadow mode: the rule serves without it)`;
      }
    }
    return { rule: ruleOf(route, ir, action, withConsumers(steps, phases, env.consumerSteps)), failure };
  } catch (error) {
    const failure = messageOf(error);
    closeSteps(steps, env.policyEnv);
    return { rule: ruleOf(route, ir, { kind: 'fail', reason: failure }, []), failure };
  }
}

/** With the policies of Consumers at the end of each phase, where a policy finds out who calls. */
function withConsumers(
  steps: readonly BoundStep[],
  phases: readonly Phase[],
  consumers: ConsumerSteps,
): readonly BoundStep[] {
  const added = CONSUMER_PHASES.flatMap((phase) => {
    const step = consumers.of(phase);
    return step === null ? [] : [{ phase: phase as Phase, step }];
  });
  if (added.length === 0 || !phases.includes('authn')) return steps;
  const all = [{ phase: 'authn' as Phase, step: consumers.begin }, ...added];
  return PHASES.flatMap((phase) => [
    ...steps.filter((_, i) => phases[i] === phase),
    ...all.filter((one) => one.phase === phase).map(({ step }) => step),
  ]);
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
