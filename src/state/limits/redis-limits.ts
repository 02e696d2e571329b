import { createHash, hash } from 'node:crypto';
import { type RedisClient, type RedisConnection, StoreUnavailable } from '../redis/client.ts';
import { TAKE_SCRIPT } from './redis-script.ts';
import type { Charge, Demand, LimitStore, Outcome, Verdict } from './store.ts';

const SHA = createHash('sha1').update(TAKE_SCRIPT).digest('hex');
const NEVER = -1;
/** Modes of a demand in the script. */
const EARNEST = '0';
const SHADOW = '1';
const DEBIT = '2';
const PEEK = '3';
const SHADOW_PEEK = '4';

/** Counts in Redis, over all replicas: one script, one round trip, the server's clock. */
export class RedisLimits implements LimitStore {
  readonly #client: RedisClient;
  readonly #prefix: string;

  /** @param owner of all meters: what one request asks lies on one node of a cluster */
  constructor(client: RedisClient, owner: string) {
    this.#client = client;
    this.#prefix = `portreeve:{${owner}}:`;
  }

  /** @throws StoreUnavailable when it has not answered in time */
  async take(demands: readonly Demand[]): Promise<Verdict> {
    const keys = demands.map((demand) => this.#keyOf(demand));
    const args = [...keys, ...demands.flatMap((demand) => argumentsOf(demand, modeOf(demand)))];
    const said = await this.#client.ask((connection) => run(connection, keys.length, args));
    if (!Array.isArray(said) || said.length !== demands.length * 4) {
      throw new StoreUnavailable('the answer is not understood');
    }
    const outcomes = demands.map((_, i) => outcomeOf(said as string[], i * 4));
    return { admitted: outcomes.every(({ allowed }, i) => allowed || demands[i]!.shadow), outcomes };
  }

  /** @throws StoreUnavailable when it has not answered in time */
  async debit(charges: readonly Charge[]): Promise<void> {
    const keys = charges.map((charge) => this.#keyOf(charge));
    const args = [...keys, ...charges.flatMap((charge) => argumentsOf(charge, DEBIT))];
    await this.#client.ask((connection) => run(connection, keys.length, args));
  }

  /** Keys may be secrets, and long: only a hash of them leaves. */
  #keyOf({ meter, key }: Charge): string {
    return this.#prefix + hash('sha256', `${meter.id.length}:${meter.id}${key}`, 'hex').slice(0, 32);
  }
}

/** The server forgets scripts when it restarts; then it gets the text. */
async function run(connection: RedisConnection, keys: number, args: readonly string[]): Promise<unknown> {
  try {
    return await connection.evalsha(SHA, keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return connection.eval(TAKE_SCRIPT, keys, ...args);
  }
}

function modeOf({ shadow, peek }: Demand): string {
  if (peek) return shadow ? SHADOW_PEEK : PEEK;
  return shadow ? SHADOW : EARNEST;
}

function argumentsOf({ meter, cost }: Charge, mode: string): readonly string[] {
  const first = [meter.kind, mode, String(cost)];
  if (meter.kind === 'window') return [...first, String(meter.limit), meter.unit, ''];
  return [...first, String(meter.capacity), String(meter.ticksPerToken), String(meter.ticksPerMs)];
}

function outcomeOf(said: readonly string[], at: number): Outcome {
  const waitMs = Number(said[at + 2]);
  return {
    allowed: said[at] === '1',
    remaining: Number(said[at + 1]),
    waitMs: waitMs === NEVER ? Number.POSITIVE_INFINITY : waitMs,
    resetMs: Number(said[at + 3]),
  };
}
