import { burst, count } from './burst.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { prefix, type RuleSpec, route } from './resources.ts';
import { until } from './wait.ts';

/** Routes whose requests are counted in the Redis connection `counts`. */

export type OnFailure = 'local' | 'open' | 'closed';

/** The rules of {@link countedRules}: paths of their own, and buckets of their own. */
export const LIMIT = 20;
const key = [{ constant: 'all' }];
const bucket = (capacity: number, rate = '1/d') => ({ tokenBucket: { capacity, rate } });

/** A rule at `path` that admits `capacity` requests, counted in Redis. */
export function counted(path: string, capacity: number, onFailure: OnFailure, rate = '1/d'): RuleSpec {
  const store = { redis: { ref: 'counts' }, onFailure };
  const limits = [{ name: 'shared', key, ...bucket(capacity, rate) }];
  const rateLimit = { scope: 'cluster', store, limits, headers: 'standard' };
  return { ...prefix(path), respond: {}, policies: [{ rateLimit }] };
}

/** A rule for each answer to a store that fails, and `/warm`, which nobody exhausts. */
export const countedRules: readonly RuleSpec[] = [
  counted('/open', LIMIT, 'open'),
  counted('/closed', LIMIT, 'closed'),
  counted('/local', LIMIT, 'local'),
  counted('/warm', 1_000_000_000, 'closed'),
];

/** @param redis of `portreeve.yaml`, without its name */
export async function startCounting(
  redis: object,
  rules: readonly RuleSpec[] = countedRules,
): Promise<Gateway> {
  return startGateway({
    threads: 2,
    files: { 'route.yaml': route('counted', rules) },
    settings: { redis: [{ name: 'counts', ...redis }] },
  });
}

/** Every thread counts in Redis: a round of requests over many connections has no other answer. */
export async function untilCounting({ port }: Gateway, deadlineMs = 30_000): Promise<void> {
  await until(
    async () => count(await burst(port, '/warm', 12, 2), 200) === 24,
    'all threads count in Redis',
    deadlineMs,
  );
}

/** What requests get by rule: `open` and `local` when nothing can be counted, `closed` alike. */
export async function statusesBy(
  gateway: Gateway,
  clients = 10,
  each = 6,
): Promise<Record<OnFailure, string>> {
  const of = async (path: string) => {
    const statuses = await burst(gateway.port, path, clients, each);
    const seen = [...new Set(statuses)].sort((a, b) => a - b);
    return seen.map((status) => `${count(statuses, status)}x${status}`).join(' ');
  };
  const [open, closed, local] = await Promise.all([of('/open'), of('/closed'), of('/local')]);
  return { open, closed, local };
}
