import type { ConsumerLimits } from '../../ir/consumer.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { identitySlot } from '../../pipeline/identity.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { createSlot } from '../../pipeline/slot.ts';
import { bindCounting, type Counting } from './counting.ts';

/** The limits of the request's Consumer were asked: by the first policy of the rule, for all of them. */
const tierSlot = createSlot<true>('rateLimitTier');

/**
 * Which limits a request is under: those of its Consumer, if it has its own, in place of the policy's. Null: another policy of
 * the rule has asked them already.
 */
export function bindTiers(env: PolicyEnv): (x: Exchange, own: Counting) => Counting | null {
  /** By the limits of a Consumer, which are new objects when they change. */
  const bound = new WeakMap<ConsumerLimits, Counting | Error>();
  return (x, own) => {
    const key = x.get(identitySlot)?.consumerKey ?? null;
    if (key === null) return own;
    const tier = env.consumer(key)?.rateLimit ?? null;
    if (tier === null) return own;
    if (x.get(tierSlot) === true) return null;
    x.set(tierSlot, true);
    let counting = bound.get(tier);
    if (counting === undefined) {
      counting = tryBind(tier, env);
      bound.set(tier, counting);
    }
    if (counting instanceof Error) throw counting;
    return counting;
  };
}

function tryBind(tier: ConsumerLimits, env: PolicyEnv): Counting | Error {
  try {
    return bindCounting(tier, env);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
