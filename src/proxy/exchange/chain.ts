import type { BoundStep } from '../../compile/table.ts';
import { BodyRefusal } from '../../pipeline/body.ts';
import type { Reply } from '../../pipeline/reply.ts';
import { failWith } from '../body/exchange-bodies.ts';
import type { Rule } from '../context.ts';
import type { RequestExchange } from './exchange.ts';

type StepResult = Reply | void;

function isPromise(value: StepResult | Promise<StepResult>): value is Promise<StepResult> {
  return value !== undefined && 'then' in value;
}

function fail(x: RequestExchange, step: BoundStep, error: unknown): void {
  // What a step had waited for may be gone because the exchange is over.
  if (!x.done && !x.replied) failWith(x, error, `policy ${step.name}`);
}

/** Runs the rule's request steps, then its action. Stays synchronous until a step returns a promise. */
export function runRequestSteps(x: RequestExchange, rule: Rule): void {
  if (rule.onRequest === null) x.act();
  else runFrom(x, rule.onRequest, 0);
}

function runFrom(x: RequestExchange, steps: readonly BoundStep[], first: number): void {
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]!;
    let result: StepResult | Promise<StepResult>;
    try {
      result = step.policy.onRequest!(x);
    } catch (error) {
      fail(x, step, error);
      return;
    }
    if (result === undefined) continue;
    if (isPromise(result)) {
      x.pinned = true;
      x.forward.armRequestDeadline();
      result
        .then((reply) => {
          x.connection.context.wheel.touch();
          if (x.done || x.replied) return;
          if (reply === undefined) runFrom(x, steps, i + 1);
          else x.reply(reply);
        })
        .catch((error: unknown) => fail(x, step, error));
      return;
    }
    try {
      x.reply(result);
    } catch (error) {
      fail(x, step, error);
    }
    return;
  }
  x.act();
}

/**
 * Runs the rule's response steps over `x.response`, then `send`. A step that throws changes nothing: the answer
 * goes out as the other steps left it, for it was already decided that the client may have it. Only a
 * `BodyRefusal` puts its reply in the answer's place, for which the steps are run anew.
 * @returns whether `send` was called before this returned.
 */
export function runResponseSteps(x: RequestExchange, send: () => void): boolean {
  const steps = x.entry?.rule.onResponse ?? null;
  x.answers++;
  if (steps === null) {
    send();
    return true;
  }
  return runResponseFrom(x, steps, 0, send);
}

function runResponseFrom(
  x: RequestExchange,
  steps: readonly BoundStep[],
  first: number,
  send: () => void,
): boolean {
  const { answers } = x;
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]!;
    try {
      const result = step.policy.onResponse!(x);
      if (result === undefined) continue;
      x.pinned = true;
      result
        .catch((error: unknown) => isCurrent(x, answers) && onThrow(x, step, error))
        .then(() => isCurrent(x, answers) && runResponseFrom(x, steps, i + 1, send))
        .catch((error: unknown) => onThrow(x, step, error));
      return false;
    } catch (error) {
      onThrow(x, step, error);
    }
    if (!isCurrent(x, answers)) return false;
  }
  send();
  return true;
}

/** The answer that the steps were begun for is still the one to send. */
function isCurrent(x: RequestExchange, answers: number): boolean {
  return !x.done && x.answers === answers;
}

function onThrow(x: RequestExchange, step: BoundStep, error: unknown): void {
  if (error instanceof BodyRefusal && !x.replied) {
    x.forward.cancel();
    failWith(x, error, `policy ${step.name}`);
    return;
  }
  x.connection.context.log(
    'error',
    `${x.routeKey}: policy ${step.name} threw in onResponse: ${String(error)}`,
  );
}

/** After the last byte or the failure. A step that throws costs the others nothing. */
export function runDoneSteps(x: RequestExchange, steps: readonly BoundStep[]): void {
  for (const { name, policy } of steps) {
    try {
      policy.onDone?.(x);
    } catch (error) {
      x.connection.context.log('error', `policy ${name} threw in onDone: ${String(error)}`);
    }
  }
}
