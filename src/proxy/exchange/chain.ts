import type { BoundStep } from '../../compile/table.ts';
import { GatewayError } from '../../pipeline/errors.ts';
import type { Reply } from '../../pipeline/reply.ts';
import type { Rule } from '../context.ts';
import type { RequestExchange } from './exchange.ts';

type StepResult = Reply | void;

function isPromise(value: StepResult | Promise<StepResult>): value is Promise<StepResult> {
  return value !== undefined && 'then' in value;
}

function fail(x: RequestExchange, step: BoundStep, error: unknown): void {
  x.connection.context.log(
    'error',
    `${x.routeKey} rule ${x.ruleName}: policy ${step.name} threw: ${error instanceof Error ? error.message : String(error)}`,
  );
  x.fail(
    new GatewayError('gateway', 'policyThrew', false, `policy ${step.name} threw`),
    500,
    'A policy of this rule failed.',
  );
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
 * goes out as the other steps left it, for it was already decided that the client may have it.
 * @returns whether `send` was called before this returned.
 */
export function runResponseSteps(x: RequestExchange, send: () => void): boolean {
  const steps = x.entry?.rule.onResponse ?? null;
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
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]!;
    try {
      const result = step.policy.onResponse!(x);
      if (result === undefined) continue;
      x.pinned = true;
      result
        .catch((error: unknown) => logThrow(x, step, error))
        .then(() => {
          if (!x.done) runResponseFrom(x, steps, i + 1, send);
        })
        .catch((error: unknown) => logThrow(x, step, error));
      return false;
    } catch (error) {
      logThrow(x, step, error);
    }
  }
  send();
  return true;
}

function logThrow(x: RequestExchange, step: BoundStep, error: unknown): void {
  x.connection.context.log(
    'error',
    `${x.routeKey}: policy ${step.name} threw in onResponse: ${String(error)}`,
  );
}
