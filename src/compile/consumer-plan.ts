import type { Origin } from '../ir/origin.ts';
import { BodyRefusal } from '../pipeline/body.ts';
import { GatewayError } from '../pipeline/errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { ConsumerPhase, PolicyEnv } from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';
import { messageOf } from './step.ts';
import type { BoundStep } from './table.ts';

/** The policies of a Consumer, bound. */
export interface Plan {
  /** As listed. */
  readonly steps: ReadonlyMap<ConsumerPhase, readonly BoundStep[]>;
  /** Those that are told of the end, the last first. */
  readonly done: readonly BoundStep[];
  /** Keys of the secrets that they were bound with. */
  readonly secrets: readonly string[];
  /** Why its requests are refused; null: they are not. */
  readonly failure: { readonly origin: Origin; readonly message: string } | null;
  /** Requests that walk it now; it is closed when there are none and it is retired. */
  active: number;
  retired: boolean;
}

type StepResult = Reply | void;

/** Runs request steps one after the other. @returns the reply of the first that has one */
export function runRequest(
  steps: readonly BoundStep[],
  first: number,
  x: Exchange,
): Reply | undefined | Promise<Reply | undefined> {
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]!;
    if (step.policy.onRequest === undefined) continue;
    let result: StepResult | Promise<StepResult>;
    try {
      result = step.policy.onRequest(x);
    } catch (error) {
      throw named(step, error);
    }
    if (result === undefined) continue;
    if (!('then' in result)) return result;
    return result.then(
      (reply) => reply ?? runRequest(steps, i + 1, x),
      (error: unknown) => {
        throw named(step, error);
      },
    );
  }
  return undefined;
}

/** The last goes first. One that throws changes nothing, as in the chain of a rule; but a body may be refused. */
export function runResponse(
  steps: readonly BoundStep[],
  first: number,
  x: Exchange,
  env: PolicyEnv,
): void | Promise<void> {
  for (let i = first; i >= 0; i--) {
    const step = steps[i]!;
    if (step.policy.onResponse === undefined) continue;
    try {
      const result = step.policy.onResponse(x);
      if (result === undefined) continue;
      return result
        .catch((error: unknown) => passOver(step, error, x, env))
        .then(() => runResponse(steps, i - 1, x, env));
    } catch (error) {
      passOver(step, error, x, env);
    }
  }
}

export function runDone({ done }: Plan, x: Exchange, env: PolicyEnv): void {
  for (const step of done) {
    try {
      step.policy.onDone!(x);
    } catch (error) {
      env.log('error', `policy ${step.name} of the Consumer threw in onDone: ${messageOf(error)}`);
    }
  }
}

function passOver({ name }: BoundStep, error: unknown, x: Exchange, env: PolicyEnv): void {
  if (error instanceof BodyRefusal) throw error;
  env.log('error', `${x.routeKey}: policy ${name} of the Consumer threw in onResponse: ${messageOf(error)}`);
}

/** Outcomes of traffic stay what they are; of a fault the log must say whose it is. */
function named({ name }: BoundStep, error: unknown): unknown {
  if (error instanceof BodyRefusal || error instanceof GatewayError) return error;
  return new Error(`${name}: ${messageOf(error)}`, { cause: error });
}
