import { once } from 'node:events';
import type { PurgeResult, PurgeSelection } from '../admin/view.ts';
import type { GatewayIr } from '../ir/gateway.ts';
import type { CacheMemory } from '../ir/messages.ts';
import type { RedisIr } from '../ir/redis.ts';
import type { ProgramLog } from '../observe/log.ts';
import { addressMark, routeMark, tagMark } from '../state/cache/marks.ts';
import { memoryAnswers } from '../state/cache/memory-store.ts';
import { RedisAnswers } from '../state/cache/redis-store.ts';
import { RedisClient } from '../state/redis/client.ts';

/** Nobody's request waits for it. */
const REDIS_TIMEOUT_MS = 5_000;

export interface PurgeOptions {
  readonly memory: CacheMemory;
  /** Of this thread, unlike that of any data-plane thread. */
  readonly threadId: number;
  readonly redis: readonly RedisIr[];
  readonly ir: () => GatewayIr;
  readonly log: ProgramLog;
}

/** Forgets kept answers in the memory of all threads, and in every Redis that a route keeps answers in. */
export async function purge(
  selections: readonly PurgeSelection[],
  options: PurgeOptions,
): Promise<PurgeResult> {
  const marks = selections.map(markOf);
  const answers = memoryAnswers(options.memory, options.threadId);
  const memory = marks.reduce((sum, mark) => sum + answers.purge(mark), 0);
  const used = redisInUse(options.ir());
  const redis = await Promise.all(
    options.redis
      .filter(({ name }) => used.has(name))
      .map(async (ir) => ({ name: ir.name, error: await purgeRedis(ir, marks, options.log) })),
  );
  options.log.info({ event: 'purged', selections, memory, redis }, `purged ${memory} kept answers`);
  return { memory, redis };
}

function markOf(selection: PurgeSelection): string | null {
  switch (selection.kind) {
    case 'all':
      return null;
    case 'route':
      return routeMark(`GatewayRoute/${selection.name}`);
    case 'tag':
      return tagMark(selection.tag);
    case 'url':
      return addressMark(selection.host, selection.path, selection.query);
  }
}

function redisInUse({ routes }: GatewayIr): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name, config } of routes.flatMap(({ rules }) => rules.flatMap(({ policies }) => policies))) {
    if (name !== 'cache') continue;
    const { store } = config as { readonly store?: { readonly redis: { readonly ref: string } } };
    if (store !== undefined) names.add(store.redis.ref);
  }
  return names;
}

/** Null, or why it may still have them. */
async function purgeRedis(
  ir: RedisIr,
  marks: readonly (string | null)[],
  log: ProgramLog,
): Promise<string | null> {
  const client = new RedisClient({ ...ir, timeoutMs: REDIS_TIMEOUT_MS }, (level, message) =>
    log[level](message),
  );
  try {
    if (client.connection.status !== 'ready') {
      await once(client.connection, 'ready', { signal: AbortSignal.timeout(REDIS_TIMEOUT_MS) });
    }
    const answers = new RedisAnswers(client);
    for (const mark of marks) await answers.purge(mark);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.close();
  }
}
