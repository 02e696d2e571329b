import type { Limit, LimitScope } from '../../lib/limit-schema.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { sharedBuckets } from '../../state/limits/buckets.ts';
import type { Charge, Demand } from '../../state/limits/store.ts';
import { type ClusterVerdict, clusterStore } from './cluster.ts';
import { compileLimits, type Limiter, type LimiterMeter } from './limiter.ts';

/** Limits, with the id of their buckets. */
export interface OwnedLimits extends LimitScope {
  readonly id: string;
  readonly limits: readonly Limit[];
}

/** One demand, and whose it is. */
export interface Asked extends Demand {
  readonly limiter: Limiter;
  readonly place: LimiterMeter;
  /** Of how many replicas this one admits its share. */
  readonly share: number;
}

/** Limits bound, with where they are counted. */
export interface Counting {
  /** A limit takes tokens when the answer has come. */
  readonly settles: boolean;
  /** What the request asks for; empty: none of the limits is about it. */
  ask(x: Exchange): readonly Asked[];
  take(asked: readonly Asked[]): ClusterVerdict | Promise<ClusterVerdict>;
  debit(charges: readonly Charge[]): void;
}

/** @throws Error for the operator, when it can't be counted as it is written */
export function bindCounting(owned: OwnedLimits, env: PolicyEnv): Counting {
  const limiters = compileLimits(owned.id, owned.limits, (type) => env.rateLimitHits(type));
  const local = sharedBuckets(env.limits, env.threadId);
  const settles = limiters.some(
    ({ costResponseHeader, counts }) => costResponseHeader !== null || counts !== null,
  );
  if (owned.scope === 'cluster') {
    const store = clusterStore(owned, env, local);
    return {
      settles,
      ask: (x) => askedOf(limiters, x, 1),
      take: (asked) => store.take(asked),
      debit: (charges) => void store.debit(charges),
    };
  }
  const share = owned.scope === 'replicas' ? replicasOf(env) : () => 1;
  return {
    settles,
    ask: (x) => askedOf(limiters, x, share()),
    take: (asked) => local.take(asked),
    debit: (charges) => local.debit(charges),
  };
}

/** How many replicas there are, at the time of each question. */
function replicasOf({ limits }: PolicyEnv): () => number {
  const count = new Int32Array(limits.replicas);
  if (Atomics.load(count, 0) === 0)
    throw new Error('scope replicas: portreeve.yaml does not say how many there are; write replicas there');
  return () => Atomics.load(count, 0);
}

function askedOf(limiters: readonly Limiter[], x: Exchange, share: number): readonly Asked[] {
  const asked: Asked[] = [];
  for (const limiter of limiters) {
    const key = limiter.key(x);
    if (key === null) continue;
    const cost = limiter.cost(x);
    const { shadow } = limiter;
    const peek = limiter.counts !== null;
    for (const place of limiter.meters) {
      const scaled = scaledCost(cost, place.meter, share);
      asked.push({ meter: place.meter, key, cost: scaled, shadow, peek, limiter, place, share });
    }
  }
  return asked;
}

/**
 * One of N replicas admits its share if each request costs N times as much: all together never admit more than the limit, and
 * what was counted stays true when N changes. Where the share is below the cost of one request, one gets in all the same.
 */
function scaledCost(cost: number, meter: LimiterMeter['meter'], share: number): number {
  if (share === 1) return cost;
  const most = meter.kind === 'bucket' ? meter.capacity : meter.limit;
  return cost > most ? cost : Math.min(cost * share, most);
}
