import { BodyRefusal } from '../pipeline/body.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { BoundPolicy, PolicyEnv, ShadowOutcome } from '../pipeline/policy.ts';
import { SHADOW_OUTCOMES } from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';
import { createSlot } from '../pipeline/slot.ts';
import { ShadowExchange } from './shadow-exchange.ts';

/** What each shadow of the rule made of the request. */
const shadowsSlot = createSlot<Map<BoundPolicy, ShadowExchange>>('shadows');

/** The same is told once in so long; meanwhile it is counted. */
const QUIET_MS = 10_000;
const MAX_TOLD = 32;

/** What a policy in shadow mode is bound with: its refusals and its words can't be taken for those of one that acts. */
export function shadowEnv(name: string, env: PolicyEnv): PolicyEnv {
  return {
    ...env,
    rateLimitHits: (limiterType) => env.rateLimitHits(`${limiterType} (shadow)`),
    overloadShed: (priority) => env.overloadShed(`${priority} (shadow)`),
    authenticationRefusals: (policy, reason) => env.authenticationRefusals(`${policy} (shadow)`, reason),
    log: (level, message) => env.log(level, `${name} (shadow): ${message}`),
  };
}

/**
 * Runs a policy without letting it act. It takes the time that it takes, so that its cost shows, too; what it waits for has a
 * budget of its own. Whatever it does, the request and its answer go on as if it were not there.
 */
export function shadowPolicy(name: string, policy: BoundPolicy, env: PolicyEnv): BoundPolicy {
  const counters = Object.fromEntries(
    SHADOW_OUTCOMES.map((outcome) => [outcome, env.shadowOutcomes(name, outcome)]),
  );
  const tell = teller(name, env);
  const failed = (x: Exchange, shadow: ShadowExchange, error: unknown): void => {
    if (error instanceof BodyRefusal) {
      replied(x, shadow, error.reply);
      return;
    }
    shadow.threw = true;
    tell(x, 'warn', `threw: ${error instanceof Error ? error.message : String(error)}`);
  };
  const replied = (x: Exchange, shadow: ShadowExchange, reply: Reply | void): void => {
    if (reply !== undefined) shadow.status = reply.status;
    if (shadow.status !== 0) tell(x, 'info', `would have answered ${shadow.status}`);
  };
  const run = (x: Exchange, step: (shadow: ShadowExchange) => Reply | void | Promise<Reply | void>) => {
    const shadow = shadowOf(x, policy);
    try {
      const result = step(shadow);
      if (isPromise(result)) {
        return result.then(
          (reply) => replied(x, shadow, reply),
          (error: unknown) => failed(x, shadow, error),
        );
      }
      replied(x, shadow, result);
    } catch (error) {
      failed(x, shadow, error);
    }
    return undefined;
  };
  const { onRequest, onResponse, close } = policy;
  return {
    ...(onRequest !== undefined && { onRequest: (x) => run(x, (shadow) => onRequest.call(policy, shadow)) }),
    ...(onResponse !== undefined && {
      onResponse: (x) => run(x, (shadow) => onResponse.call(policy, shadow)),
    }),
    onDone(x) {
      const shadow = x.get(shadowsSlot)?.get(policy);
      if (shadow === undefined) return;
      try {
        policy.onDone?.(shadow);
      } catch (error) {
        failed(x, shadow, error);
      }
      counters[outcomeOf(shadow)]!.add(1);
    },
    ...(close !== undefined && { close: () => close.call(policy) }),
  };
}

function outcomeOf({ threw, status, edited }: ShadowExchange): ShadowOutcome {
  if (threw) return 'threw';
  if (status !== 0) return 'replied';
  return edited ? 'edited' : 'passed';
}

function shadowOf(x: Exchange, policy: BoundPolicy): ShadowExchange {
  let shadows = x.get(shadowsSlot);
  if (shadows === undefined) {
    shadows = new Map();
    x.set(shadowsSlot, shadows);
  }
  let shadow = shadows.get(policy);
  if (shadow === undefined) {
    shadow = new ShadowExchange(x);
    shadows.set(policy, shadow);
  }
  return shadow;
}

function isPromise(value: Reply | void | Promise<Reply | void>): value is Promise<Reply | void> {
  return value !== undefined && 'then' in value;
}

interface Told {
  atMs: number;
  unsaid: number;
}

/** Says each thing of a rule once in a while, with how often it was not said since. */
function teller(name: string, env: PolicyEnv): (x: Exchange, level: 'info' | 'warn', what: string) => void {
  const told = new Map<string, Told>();
  return (x, level, what) => {
    const nowMs = performance.now();
    const before = told.get(what);
    if (before !== undefined && nowMs - before.atMs < QUIET_MS) {
      before.unsaid++;
      return;
    }
    if (before === undefined && told.size >= MAX_TOLD) told.clear();
    told.set(what, { atMs: nowMs, unsaid: 0 });
    const unsaid = before === undefined || before.unsaid === 0 ? '' : ` (${before.unsaid} times more before)`;
    env.log(level, `${x.routeKey} rule ${x.ruleName}: policy ${name} in shadow mode ${what}${unsaid}`);
  };
}
