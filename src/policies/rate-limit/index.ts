import type { Exchange } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { createSlot } from '../../pipeline/slot.ts';
import { sharedBuckets } from '../../state/limits/buckets.ts';
import type { Demand, Outcome, Verdict } from '../../state/limits/store.ts';
import { clusterStore } from './cluster.ts';
import { resolve, schema } from './config.ts';
import { compileLimits, type Limiter, type LimiterMeter } from './limiter.ts';

/** Headers for the answer, from every rate limit of the rule. */
const headersSlot = createSlot<{ policies: string[]; states: string[] }>('rateLimit');

const UNCOUNTABLE = problem(503, 'Requests cannot be counted at the moment.');

/** One demand, and whose it is. */
interface Asked extends Demand {
  readonly limiter: Limiter;
  readonly place: LimiterMeter;
}

export const rateLimit = definePolicy({
  name: 'rateLimit',
  phase: 'limit',
  summary: 'Limits how many requests a client may send; 429 with a true Retry-After.',
  schema,
  resolve,
  bind(config, env) {
    const { id, limits, headers } = config;
    const limiters = compileLimits(id, limits, (type) => env.rateLimitHits(type));
    const store = sharedBuckets(env.limits, env.threadId);
    const cluster = config.scope === 'cluster' ? clusterStore(config, env, store) : null;
    const tells = headers === 'standard';
    const settle = (x: Exchange, asked: readonly Asked[], verdict: Verdict) => {
      if (tells) remember(x, asked, verdict);
      return judge(asked, verdict);
    };
    return {
      onRequest(x) {
        const asked = askedOf(limiters, x);
        if (asked.length === 0) return undefined;
        if (cluster === null) return settle(x, asked, store.take(asked));
        return cluster(asked).then((verdict) => {
          if (verdict === 'refuse') return UNCOUNTABLE;
          return verdict === 'admit' ? undefined : settle(x, asked, verdict);
        });
      },
      ...(tells ? { onResponse: tell } : {}),
    };
  },
});

function askedOf(limiters: readonly Limiter[], x: Exchange): readonly Asked[] {
  const asked: Asked[] = [];
  for (const limiter of limiters) {
    const key = limiter.key(x);
    if (key === null) continue;
    const cost = limiter.cost(x);
    const { shadow } = limiter;
    for (const place of limiter.meters) asked.push({ meter: place.meter, key, cost, shadow, limiter, place });
  }
  return asked;
}

/** Counts what was refused, each limit once, and answers for the first of them. */
function judge(asked: readonly Asked[], { admitted, outcomes }: Verdict): Reply | undefined {
  let told: Limiter | null = null;
  let counted: Limiter | null = null;
  let waitMs = 0;
  for (let i = 0; i < asked.length; i++) {
    const { limiter } = asked[i]!;
    const outcome = outcomes[i]!;
    if (outcome.allowed) continue;
    // Once refused, what comes after has not been asked in earnest: only what refuses the request is counted.
    if (limiter !== counted && (limiter.shadow || told === null)) limiter.hits.add(1);
    counted = limiter;
    if (limiter.shadow) continue;
    told ??= limiter;
    waitMs = Math.max(waitMs, outcome.waitMs);
  }
  return admitted || told === null ? undefined : refusal(told.name, waitMs);
}

/** Who waits until every limit that refused admits it gets in. */
function refusal(name: string, waitMs: number): Reply {
  const type = ['x-ratelimit-limit-type', name] as const;
  if (waitMs === Number.POSITIVE_INFINITY)
    return problem(429, 'This request costs more than the limit ever has.', [type]);
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return problem(429, `Too many requests. Try again in ${seconds} s.`, [
    ['retry-after', String(seconds)],
    type,
  ]);
}

function remember(x: Exchange, asked: readonly Asked[], { outcomes }: Verdict): void {
  const said = x.get(headersSlot) ?? { policies: [], states: [] };
  asked.forEach(({ limiter, place }, i) => {
    // A client must not heed what does not bind it.
    if (limiter.shadow) return;
    said.policies.push(place.policy);
    said.states.push(stateItem(place, outcomes[i]!));
  });
  x.set(headersSlot, said);
}

function stateItem({ item }: LimiterMeter, { remaining, resetMs }: Outcome): string {
  return `${item};r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
}

/** In place of the backend's own, for those are about other limits; with two policies the last one writes all. */
function tell(x: Exchange): void {
  const said = x.get(headersSlot);
  if (said === undefined || said.policies.length === 0) return;
  x.response.setHeader('ratelimit-policy', said.policies.join(', '));
  x.response.setHeader('ratelimit', said.states.join(', '));
}
