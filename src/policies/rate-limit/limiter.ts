import { type Limit, perSecond } from '../../lib/limit-schema.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Counter } from '../../pipeline/policy.ts';
import { compileKey, type RequestKey } from '../../pipeline/request-key.ts';
import { bucketMeter, type Meter, windowMeter } from '../../state/limits/meter.ts';
import { type WindowUnit, windowSeconds } from '../../state/limits/window.ts';

/** A limit, bound. */
export interface Limiter {
  readonly name: string;
  readonly key: RequestKey;
  readonly meters: readonly LimiterMeter[];
  readonly shadow: boolean;
  readonly hits: Counter;
  /** Lower case; null: what a request costs is known when it comes. */
  readonly costResponseHeader: string | null;
  cost(x: Exchange): number;
  /** Whether an answer of that status counts, where that is not known before; null: every request does. */
  readonly counts: ((status: number) => boolean) | null;
}

export interface LimiterMeter {
  readonly meter: Meter;
  /** Item of `RateLimit-Policy`: its name, the number and its time. */
  readonly item: string;
  readonly policy: string;
}

const MAX_COST = 1_000_000;

/**
 * @param owner id of the policy's buckets
 * @param hits makes the counter of a limiter type
 */
export function compileLimits(
  owner: string,
  limits: readonly Limit[],
  hits: (limiterType: string) => Counter,
): readonly Limiter[] {
  return limits
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .map((limit) => ({
      name: limit.name,
      key: compileKey(limit.key),
      meters: metersOf(`${owner}/${limit.name}`, limit),
      shadow: limit.shadow,
      // What would have been refused must not look like what was.
      hits: hits(limit.shadow ? `${limit.name} (shadow)` : limit.name),
      cost: compileCost(limit),
      costResponseHeader: limit.costResponseHeader?.toLowerCase() ?? null,
      counts: compileStatuses(limit),
    }));
}

/** By API key, by user, by address, then the rest as listed: the first that refuses is told. */
function rankOf({ key }: Limit): number {
  if (key.some((part) => part.apiKey !== undefined)) return 0;
  const isUser = key.some(
    ({ user, consumer, claim }) => user !== undefined || consumer !== undefined || claim !== undefined,
  );
  if (isUser) return 1;
  return key.some((part) => part.clientAddress !== undefined) ? 2 : 3;
}

function metersOf(owner: string, { name, tokenBucket, windows = {} }: Limit): readonly LimiterMeter[] {
  if (tokenBucket !== undefined) {
    const { capacity } = tokenBucket;
    const rate = perSecond(tokenBucket.rate);
    const meter = bucketMeter(owner, capacity, rate);
    return [{ meter, ...itemOf(name, capacity, Math.max(1, Math.ceil(capacity / rate))) }];
  }
  const units = Object.entries(windows) as [WindowUnit, number][];
  return units.map(([unit, limit]) => {
    const meter = windowMeter(owner, unit, limit);
    return { meter, ...itemOf(units.length === 1 ? name : `${name}-${unit}`, limit, windowSeconds(unit)) };
  });
}

function itemOf(name: string, quota: number, seconds: number): Omit<LimiterMeter, 'meter'> {
  return { item: `"${name}"`, policy: `"${name}";q=${quota};w=${seconds}` };
}

function compileCost({ cost, costHeader }: Limit): (x: Exchange) => number {
  if (costHeader === undefined) return () => cost;
  const name = costHeader.toLowerCase();
  return (x) => {
    // Clients can send the header too: it can make a request dearer, never cheaper.
    return Math.max(cost, headerCost(x.request.header(name)) ?? 0);
  };
}

function compileStatuses({ statuses }: Limit): Limiter['counts'] {
  if (statuses === undefined) return null;
  const listed = new Set(statuses);
  return (status) => listed.has(String(status)) || listed.has(`${Math.floor(status / 100)}xx`);
}

/** A whole number of tokens; null: it is none. */
export function headerCost(text: string | null): number | null {
  return text === null || !/^[0-9]{1,9}$/.test(text) ? null : Math.min(MAX_COST, Number(text));
}
