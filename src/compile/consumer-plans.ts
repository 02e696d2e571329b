import type { ConsumerIr, ConsumerPolicies } from '../ir/consumer.ts';
import type { IrDelta } from '../ir/gateway.ts';
import type { BindFailure } from '../ir/messages.ts';
import { GatewayError } from '../pipeline/errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { identitySlot } from '../pipeline/identity.ts';
import {
  CONSUMER_PHASES,
  type ConsumerPhase,
  type Phase,
  type PolicyCatalogue,
  type PolicyEnv,
} from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';
import { createSlot } from '../pipeline/slot.ts';
import { type Plan, runDone, runRequest, runResponse } from './consumer-plan.ts';
import { bindAct, bindShadow, messageOf, phaseOfRef } from './step.ts';
import type { BoundStep } from './table.ts';

/** What rules need to know of the policies of Consumers. */
export interface ConsumerSteps {
  /** Finds out whose policies run, at the end of the phase `authn`. */
  readonly begin: BoundStep;
  /** Runs those of one phase, at its end; null: no Consumer has had any yet. */
  of(phase: ConsumerPhase): BoundStep | null;
  /** Whether there are phases that there were none of at the last call: rules must be bound anew. */
  takeGrown(): boolean;
}

/** Where there are no Consumers. */
export const NO_CONSUMER_STEPS: ConsumerSteps = {
  begin: { name: 'consumer', policy: {} },
  of: () => null,
  takeGrown: () => false,
};

/** One content of `policies`, and whose it is. */
interface Entry {
  readonly content: ConsumerPolicies;
  readonly consumers: Set<string>;
  /** Null: no request has asked for it yet. */
  plan: Plan | null;
}

const planSlot = createSlot<Plan>('consumerPlan');

/**
 * The policies of Consumers, each content bound once a thread, when the first request asks for it: ten thousand Consumers cost
 * a request one look-up, and those with the same policies share them.
 */
export class ConsumerPlans implements ConsumerSteps {
  readonly begin: BoundStep;
  readonly #catalogue: PolicyCatalogue;
  readonly #env: PolicyEnv;
  readonly #onFailure: () => void;
  /** By key of the Consumer; only those that have policies. */
  readonly #byConsumer = new Map<string, Entry>();
  readonly #byContent = new Map<string, Entry>();
  readonly #steps = new Map<ConsumerPhase, BoundStep>();
  #grown = false;

  /** @param onFailure there is one more in `failures` */
  constructor(catalogue: PolicyCatalogue, env: PolicyEnv, onFailure: () => void) {
    this.#catalogue = catalogue;
    this.#env = env;
    this.#onFailure = onFailure;
    this.begin = {
      name: 'consumer',
      policy: { onRequest: (x) => this.#beginWith(x), onDone: (x) => this.#end(x) },
    };
  }

  /** Consumers whose policies could not be bound, as far as a request has asked for them. */
  get failures(): readonly BindFailure[] {
    return [...this.#byConsumer].flatMap(([objectKey, { content, plan }]) =>
      // What the control thread has found stands in the findings.
      plan?.failure == null || content.closed !== null ? [] : [{ objectKey, ...plan.failure }],
    );
  }

  of(phase: ConsumerPhase): BoundStep | null {
    return this.#steps.get(phase) ?? null;
  }

  takeGrown(): boolean {
    const grown = this.#grown;
    this.#grown = false;
    return grown;
  }

  /** Secrets of the delta must already be known to the environment. */
  apply({ upsertConsumers, removeConsumers, upsertSecrets }: IrDelta): void {
    for (const key of removeConsumers) this.#forget(key);
    for (const consumer of upsertConsumers) this.#put(consumer);
    if (upsertSecrets.length === 0) return;
    const changed = new Set(upsertSecrets.map(({ key }) => key));
    for (const entry of this.#byContent.values()) {
      if (entry.plan?.secrets.some((key) => changed.has(key)) === true) this.#retire(entry);
    }
  }

  #put({ key, policies }: ConsumerIr): void {
    if (this.#byConsumer.get(key)?.content.id === policies?.id) return;
    this.#forget(key);
    if (policies === null) return;
    const entry = this.#byContent.get(policies.id) ?? { content: policies, consumers: new Set(), plan: null };
    entry.consumers.add(key);
    this.#byContent.set(policies.id, entry);
    this.#byConsumer.set(key, entry);
    // Whose policies can't be built is to be found, too, whatever they are.
    if (policies.closed !== null) this.#grow('authz');
    for (const ref of policies.refs) this.#grow(phaseOfRef(ref, this.#catalogue));
  }

  /** Never fewer: one more Consumer must not bind ten thousand rules anew each time. */
  #grow(phase: Phase): void {
    const found = CONSUMER_PHASES.find((one) => one === phase);
    if (found === undefined || this.#steps.has(found)) return;
    this.#steps.set(found, phaseStep(found, this.#env));
    this.#grown = true;
  }

  #forget(key: string): void {
    const entry = this.#byConsumer.get(key);
    if (entry === undefined) return;
    this.#byConsumer.delete(key);
    entry.consumers.delete(key);
    if (entry.consumers.size > 0) return;
    this.#byContent.delete(entry.content.id);
    this.#retire(entry);
  }

  #retire(entry: Entry): void {
    const { plan } = entry;
    if (plan === null) return;
    entry.plan = null;
    plan.retired = true;
    if (plan.active === 0) this.#close(plan);
  }

  #beginWith(x: Exchange): Reply | undefined {
    const key = x.get(identitySlot)?.consumerKey ?? null;
    const entry = key === null ? undefined : this.#byConsumer.get(key);
    if (entry === undefined) return undefined;
    entry.plan ??= this.#bind(entry, key!);
    const { plan } = entry;
    if (plan.failure !== null) {
      throw new GatewayError('gateway', 'consumerFailed', false, `${key}: ${plan.failure.message}`);
    }
    plan.active += 1;
    x.set(planSlot, plan);
    return undefined;
  }

  /** Behind all others: what was bound for this request is not needed any more. */
  #end(x: Exchange): void {
    const plan = x.get(planSlot);
    if (plan === undefined) return;
    runDone(plan, x, this.#env);
    plan.active -= 1;
    if (plan.retired && plan.active === 0) this.#close(plan);
  }

  #bind({ content }: Entry, consumer: string): Plan {
    const secrets = new Set<string>();
    const lent: PolicyEnv = {
      ...this.#env,
      secret: (name) => {
        secrets.add(name.secret);
        return this.#env.secret(name);
      },
    };
    const steps = new Map<ConsumerPhase, BoundStep[]>();
    const plan: Plan = { steps, done: [], secrets: [], failure: null, active: 0, retired: false };
    if (content.closed !== null) return { ...plan, failure: { ...content.closed } };
    for (const ref of content.refs) {
      try {
        const step =
          ref.shadow === true ? bindShadow(ref, this.#catalogue, lent) : bindAct(ref, this.#catalogue, lent);
        const phase = phaseOfRef(ref, this.#catalogue) as ConsumerPhase;
        steps.set(phase, [...(steps.get(phase) ?? []), step]);
      } catch (error) {
        this.#env.log('error', `${consumer}: ${messageOf(error)}`);
        if (ref.shadow === true) continue;
        this.#close(plan);
        queueMicrotask(this.#onFailure);
        const failure = { origin: ref.origin, message: messageOf(error) };
        return { ...plan, secrets: [...secrets], failure };
      }
    }
    const told = [...steps.values()].flat().filter(({ policy }) => policy.onDone !== undefined);
    return { ...plan, done: told.reverse(), secrets: [...secrets] };
  }

  #close({ steps }: Plan): void {
    for (const { name, policy } of [...steps.values()].flat()) {
      try {
        policy.close?.();
      } catch (error) {
        this.#env.log('error', `policy ${name} did not close: ${messageOf(error)}`);
      }
    }
  }
}

function phaseStep(phase: ConsumerPhase, env: PolicyEnv): BoundStep {
  const stepsOf = (x: Exchange) => x.get(planSlot)?.steps.get(phase);
  return {
    name: 'consumer',
    policy: {
      onRequest(x) {
        const steps = stepsOf(x);
        return steps === undefined ? undefined : runRequest(steps, 0, x);
      },
      onResponse(x) {
        const steps = stepsOf(x);
        return steps === undefined ? undefined : runResponse(steps, steps.length - 1, x, env);
      },
    },
  };
}
