import type { Counter, PolicyEnv } from '../../pipeline/policy.ts';
import { type Flights, threadFlights } from '../../state/cache/flights.ts';
import { memoryAnswers } from '../../state/cache/memory-store.ts';
import { RedisAnswers } from '../../state/cache/redis-store.ts';
import type { AnswerStore } from '../../state/cache/store.ts';
import { redisClient } from '../../state/redis/client.ts';
import { type CacheConfig, type Settings, settingsOf } from './config.ts';
import { compileWithin, type WithinKey } from './key.ts';
import { compileQuery, type QueryFilter } from './query.ts';

/** The cache of one rule, bound. */
export interface CacheRule {
  readonly config: CacheConfig;
  readonly settings: Settings;
  readonly store: AnswerStore;
  readonly flights: Flights;
  readonly within: WithinKey;
  /** Null: all of the query counts. */
  readonly filterQuery: QueryFilter | null;
  readonly hits: Counter;
  readonly misses: Counter;
  log(level: 'warn' | 'error', message: string): void;
}

/** @throws Error when the gateway's configuration has no such Redis. */
export function openRule(config: CacheConfig, env: PolicyEnv): CacheRule {
  return {
    config,
    settings: settingsOf(config),
    store: openStore(config, env),
    flights: threadFlights(env.cache, env.threadId),
    within: compileWithin(config),
    filterQuery: compileQuery(config.key.query),
    hits: env.cacheHits,
    misses: env.cacheMisses,
    log: (level, message) => env.log(level, message),
  };
}

function openStore({ store }: CacheConfig, env: PolicyEnv): AnswerStore {
  if (store === undefined) return memoryAnswers(env.cache, env.threadId);
  return new RedisAnswers(
    redisClient(store.redis.ref, env.redis, (level, message) => env.log(level, message)),
  );
}
