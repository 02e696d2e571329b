import { readFileSync } from 'node:fs';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { RedisIr, SecretPlace } from '../../ir/redis.ts';
import { Breaker } from '../../lib/breaker.ts';
import { keepStringsFast } from '../../lib/fast-strings.ts';

keepStringsFast();

/** It gave no answer in time, or said that it can't. */
export class StoreUnavailable extends Error {}

export type RedisConnection = Redis | Cluster;
type Log = (level: 'warn' | 'info', message: string) => void;

const MAX_RECONNECT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A connection on which nothing comes for so long while something is asked is given up, and made anew. */
const SILENCE_MS = 1_000;
/** It answers again when nothing has failed for so long: not each of a flapping server's moods is told. */
const RECOVERED_MS = 5_000;

/** One connection of a thread to a Redis. It reconnects for ever; nothing that is asked of it takes longer than its time. */
export class RedisClient {
  readonly connection: RedisConnection;
  readonly #timeoutMs: number;
  readonly #log: Log;
  #failing = false;
  #failedAtMs = 0;
  readonly #breaker = new Breaker();

  constructor(ir: RedisIr, log: Log) {
    this.#timeoutMs = ir.timeoutMs;
    this.connection = connect(ir);
    this.#log = (level, message) => log(level, `redis ${ir.name}: ${message}`);
    // An 'error' without a listener would end the thread. Its text may name the address, never the password.
    this.connection.on('error', (error: Error) => this.#failed(error.message));
    this.connection.on('ready', () => this.#breaker.reopen());
  }

  /**
   * @throws StoreUnavailable at once when it has not answered lately, else when it fails or its time is over.
   */
  async ask<T>(question: (connection: RedisConnection) => Promise<T>): Promise<T> {
    if (!this.#breaker.mayTry(performance.now())) throw new StoreUnavailable('it has not answered lately');
    try {
      const answer = await this.#inTime(question(this.connection));
      this.#breaker.succeeded();
      if (this.#failing) this.#recovered();
      return answer;
    } catch (error) {
      this.#breaker.failed(performance.now());
      this.#failed(error instanceof Error ? error.message : String(error));
      throw error instanceof StoreUnavailable ? error : new StoreUnavailable(String(error));
    }
  }

  close(): void {
    this.connection.disconnect();
  }

  /** Tells the first failure, not each. */
  #failed(message: string): void {
    if (!this.#failing) this.#log('warn', message);
    this.#failing = true;
    this.#failedAtMs = performance.now();
  }

  #recovered(): void {
    if (performance.now() - this.#failedAtMs < RECOVERED_MS) return;
    this.#failing = false;
    this.#log('info', 'it answers again');
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = () => reject(new StoreUnavailable('no answer in time'));
      // Where this thread was held up, the answer may lie in the socket unread: it is read before that is judged.
      const timer = setTimeout(() => setImmediate(refuse), this.#timeoutMs);
      const settled = () => clearTimeout(timer);
      answer.then(resolve, reject).then(settled, settled);
    });
  }
}

/** ioredis' own types contradict one another where it comes to `undefined` in these two. */
type Options<T> = Omit<T, 'replyMapping' | 'redisOptions'>;

function connect(ir: RedisIr): RedisConnection {
  const common: Options<RedisOptions> = {
    ...(ir.username === null ? {} : { username: ir.username }),
    ...(ir.password === null ? {} : { password: readSecret(ir.password) }),
    ...(ir.tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    // What can't be sent now fails now, and is never sent later: a request would be counted long after it was answered.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectMs,
    socketTimeout: Math.max(SILENCE_MS, 2 * ir.timeoutMs),
    // A master that has become a replica: what the name leads to now has to be looked up again.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
  const { topology } = ir;
  switch (topology.kind) {
    case 'single':
      return new Redis({ ...common, ...topology.address, db: ir.database });
    case 'sentinel': {
      const { master, addresses } = topology;
      const sentinels = [...addresses];
      return new Redis({
        ...common,
        sentinels,
        name: master,
        db: ir.database,
        sentinelRetryStrategy: reconnectMs,
        sentinelReconnectStrategy: reconnectMs,
        sentinelCommandTimeout: SILENCE_MS,
        failoverDetector: true,
      });
    }
    case 'cluster': {
      const options: Options<ClusterOptions> & { redisOptions: Options<RedisOptions> } = {
        redisOptions: common,
        enableOfflineQueue: false,
        clusterRetryStrategy: reconnectMs,
        maxRedirections: 4,
        retryDelayOnFailover: 10,
        slotsRefreshInterval: 5_000,
      };
      return new Cluster([...topology.addresses], options);
    }
  }
}

const reconnectMs = (times: number): number => Math.min(MAX_RECONNECT_MS, 20 * 2 ** Math.min(times, 10));

/** @throws Error that names the place, not what is in it. */
function readSecret(place: SecretPlace): string {
  if (place.kind === 'file') return readFileSync(place.path, 'utf8').trimEnd();
  const value = process.env[place.name];
  if (value === undefined) throw new Error(`the environment variable ${place.name} is not set`);
  return value;
}

const clients = new Map<string, RedisClient>();

/**
 * The thread's connection of that name, made on first use and kept.
 * @throws Error when there is no such connection, or its password can't be read.
 */
export function redisClient(name: string, known: readonly RedisIr[], log: Log): RedisClient {
  const open = clients.get(name);
  if (open !== undefined) return open;
  const ir = known.find((one) => one.name === name);
  if (ir === undefined) {
    const names = known.map((one) => one.name).join(', ') || 'none';
    throw new Error(`portreeve.yaml has no redis connection "${name}"; it has: ${names}`);
  }
  const client = new RedisClient(ir, log);
  clients.set(name, client);
  return client;
}
