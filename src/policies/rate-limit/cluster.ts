import type { PolicyEnv } from '../../pipeline/policy.ts';
import type { SharedBuckets } from '../../state/limits/buckets.ts';
import { RedisLimits } from '../../state/limits/redis-limits.ts';
import type { Charge, Demand, Verdict } from '../../state/limits/store.ts';
import { redisClient } from '../../state/redis/client.ts';
import type { OwnedLimits } from './counting.ts';

/** What a count over all replicas says; without an answer of the store what the policy says to that. */
export type ClusterVerdict = Verdict | 'admit' | 'refuse';

/** Counts over all replicas. Neither promise is ever rejected. */
export interface ClusterStore {
  take(demands: readonly Demand[]): Promise<ClusterVerdict>;
  debit(charges: readonly Charge[]): Promise<void>;
}

/** @throws Error when the gateway's configuration has no such Redis */
export function clusterStore({ id, store }: OwnedLimits, env: PolicyEnv, local: SharedBuckets): ClusterStore {
  if (store === undefined) throw new Error('scope cluster needs a store');
  const log: Parameters<typeof redisClient>[2] = (level, message) => env.log(level, message);
  const limits = new RedisLimits(redisClient(store.redis.ref, env.redis, log), id);
  const { onFailure } = store;
  return {
    take: (demands) =>
      limits.take(demands).catch((): ClusterVerdict => {
        if (onFailure === 'local') return local.take(demands);
        return onFailure === 'open' ? 'admit' : 'refuse';
      }),
    debit: (charges) =>
      limits.debit(charges).catch(() => {
        if (onFailure === 'local') local.debit(charges);
      }),
  };
}
