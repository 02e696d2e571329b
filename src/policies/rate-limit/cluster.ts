import type { PolicyEnv } from '../../pipeline/policy.ts';
import type { SharedBuckets } from '../../state/limits/buckets.ts';
import { RedisLimits } from '../../state/limits/redis-limits.ts';
import type { Demand, Verdict } from '../../state/limits/store.ts';
import { redisClient } from '../../state/redis/client.ts';
import type { RateLimitConfig } from './config.ts';

/** What a count over all replicas says; without an answer of the store what the policy says to that. */
export type ClusterVerdict = Verdict | 'admit' | 'refuse';

/** @throws Error when the gateway's configuration has no such Redis */
export function clusterStore(
  { id, store }: RateLimitConfig,
  env: PolicyEnv,
  local: SharedBuckets,
): (demands: readonly Demand[]) => Promise<ClusterVerdict> {
  if (store === undefined) throw new Error('scope cluster needs a store');
  const log: Parameters<typeof redisClient>[2] = (level, message) => env.log(level, message);
  const limits = new RedisLimits(redisClient(store.redis.ref, env.redis, log), id);
  const { onFailure } = store;
  return (demands) =>
    limits.take(demands).catch((): ClusterVerdict => {
      if (onFailure === 'local') return local.take(demands);
      return onFailure === 'open' ? 'admit' : 'refuse';
    });
}
