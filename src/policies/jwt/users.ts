import { hash } from 'node:crypto';
import type { SecretName } from '../../ir/secret.ts';
import { textsReader } from '../../lib/claim-text.ts';
import { parseDuration } from '../../lib/duration.ts';
import { CacheSpace, SpacedCache } from '../../lib/spaced-cache.ts';
import { type OutboundClient, outboundClient } from '../../outbound/client.ts';
import { OutboundFailure } from '../../outbound/failure.ts';
import { Flights } from '../../outbound/flights.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { type RedisClient, redisClient } from '../../state/redis/client.ts';
import type { UserLookup } from './user-schema.ts';

/** The look-up as it stands in the IR. */
export interface UserLookupIr
  extends Pick<UserLookup, 'url' | 'onError' | 'roles' | 'permissions' | 'groups'> {
  readonly secret: SecretName | null;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly redis: string | null;
}

export function resolveUserLookup(config: UserLookup, secret: SecretName | null): UserLookupIr {
  const { url, onError, roles, permissions, groups, timeout, cache, redis } = config;
  return {
    ...{ url, onError, roles, permissions, groups, secret },
    timeoutMs: parseDuration(timeout),
    cacheMs: parseDuration(cache),
    redis: redis?.ref ?? null,
  };
}

export interface UserRecord {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
}

/** What is known of a user: null record, that there is none. */
export interface UserAnswer {
  readonly record: UserRecord | null;
  /** Until then it is not asked for again; milliseconds since the epoch. */
  readonly untilMs: number;
}

const SPACE = new CacheSpace(16 * 1024 * 1024);
const MAX_BYTES = 256 * 1024;
/** Whoever is not there may be made in the next moment. */
const UNKNOWN_MS = 30_000;
/** After a failure the service is not asked for the same user for so long. */
const FAILED_MS = 1_000;
const MAX_STALE_MS = 3_600_000;
const NOTHING: UserRecord = { roles: [], permissions: [], groups: [] };

/** Roles and permissions of users from a service of the operator, kept in memory and, where asked for, in Redis. */
export class UserDirectory {
  readonly #ir: UserLookupIr;
  readonly #client: OutboundClient;
  readonly #redis: RedisClient | null;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #read: (document: Readonly<Record<string, unknown>>) => UserRecord;
  readonly #known = new SpacedCache<UserAnswer>(SPACE);
  readonly #flights = new Flights<UserAnswer | null>();
  readonly #log: PolicyEnv['log'];
  /** What is kept in Redis says by which question: another route, of another tenant perhaps, asks somebody else. */
  readonly #question: string;
  #failing = false;

  /** @throws Error when there is no such Redis connection or secret */
  constructor(ir: UserLookupIr, env: PolicyEnv) {
    this.#ir = ir;
    this.#client = outboundClient(env.outbound);
    this.#redis = ir.redis === null ? null : redisClient(ir.redis, env.redis, env.log);
    const bearer = ir.secret === null ? {} : { authorization: `Bearer ${env.secret(ir.secret)}` };
    this.#headers = { accept: 'application/json', ...bearer };
    const [roles, permissions, groups] = [ir.roles, ir.permissions, ir.groups].map(textsReader);
    this.#read = (document) => ({
      roles: roles!(document),
      permissions: permissions!(document),
      groups: groups!(document),
    });
    this.#log = env.log;
    const asked = [ir.url, ir.secret, ir.roles, ir.permissions, ir.groups];
    this.#question = hash('sha256', JSON.stringify(asked), 'base64url');
  }

  /** Null: it can't be told now, and must be. A promise only where it is not known. */
  find(user: string): UserAnswer | null | Promise<UserAnswer | null> {
    const known = this.#known.get(user);
    if (known !== undefined && Date.now() < known.untilMs) return known;
    return this.#flights.share(user, () => this.#fetch(user, known ?? null));
  }

  close(): void {
    this.#known.close();
  }

  async #fetch(user: string, last: UserAnswer | null): Promise<UserAnswer | null> {
    const nowMs = Date.now();
    const kept = await this.#fromRedis(user);
    if (kept !== null)
      return this.#keep(user, {
        record: kept.record,
        untilMs: Math.min(kept.untilMs, nowMs + this.#ir.cacheMs),
      });
    try {
      const record = await this.#ask(user);
      if (this.#failing) this.#log('info', 'jwt: the look-up of users works again');
      this.#failing = false;
      const answer = {
        record,
        untilMs: nowMs + (record === null ? Math.min(UNKNOWN_MS, this.#ir.cacheMs) : this.#ir.cacheMs),
      };
      if (record !== null) await this.#toRedis(user, answer);
      return this.#keep(user, answer);
    } catch (error) {
      this.#complain(error);
      return this.#instead(user, last, nowMs);
    }
  }

  #keep(user: string, answer: UserAnswer): UserAnswer {
    this.#known.set(user, answer, user.length * 2 + JSON.stringify(answer.record).length * 2 + 256);
    return answer;
  }

  /** What counts while the service fails. */
  #instead(user: string, last: UserAnswer | null, nowMs: number): UserAnswer | null {
    switch (this.#ir.onError) {
      case 'refuse':
        return null;
      case 'ignore':
        return { record: NOTHING, untilMs: nowMs + FAILED_MS };
      case 'stale':
        if (last === null || nowMs - last.untilMs > MAX_STALE_MS) return null;
        // Kept with its own time, which says how old it is.
        this.#known.set(user, last, user.length * 2 + 512);
        return last;
    }
  }

  /** @throws OutboundFailure, or SyntaxError for what is no JSON */
  async #ask(user: string): Promise<UserRecord | null> {
    // Dots alone would lead to another path, and half a character can't be sent: nobody is called that.
    if (/^\.{1,2}$/.test(user) || !user.isWellFormed()) return null;
    const { url, timeoutMs } = this.#ir;
    const answer = await this.#client.call({
      url: new URL(url.replaceAll('{sub}', encodeURIComponent(user))),
      ...{ method: 'GET', headers: this.#headers, body: null, timeoutMs, maxBytes: MAX_BYTES },
    });
    if (answer.status === 404 || answer.status === 410) return null;
    if (answer.status !== 200) throw new OutboundFailure('failed', `the answer has status ${answer.status}`);
    const document: unknown = JSON.parse(answer.body.toString('utf8'));
    if (typeof document !== 'object' || document === null || Array.isArray(document))
      throw new OutboundFailure('failed', 'the answer is no JSON object');
    return this.#read(Object.assign(Object.create(null) as Record<string, unknown>, document));
  }

  async #fromRedis(user: string): Promise<UserAnswer | null> {
    if (this.#redis === null) return null;
    const text = await this.#redis.ask((redis) => redis.get(`user:${user}`)).catch(() => null);
    return text === null ? null : parseKept(text, this.#question);
  }

  /** In vain when Redis fails: the answer is here all the same. */
  async #toRedis(user: string, answer: UserAnswer): Promise<void> {
    const { cacheMs } = this.#ir;
    if (this.#redis === null || cacheMs === 0) return;
    await this.#redis
      .ask((redis) =>
        redis.set(`user:${user}`, JSON.stringify({ ...answer, question: this.#question }), 'PX', cacheMs),
      )
      .catch(() => null);
  }

  /** Tells the first failure, not each. */
  #complain(error: unknown): void {
    if (!this.#failing) this.#log('warn', `jwt: the look-up of users fails: ${(error as Error).message}`);
    this.#failing = true;
  }
}

/** What another replica kept; null when it is something else, or the answer to another question. */
function parseKept(text: string, question: string): UserAnswer | null {
  try {
    const kept = JSON.parse(text) as { record?: Partial<UserRecord>; untilMs?: unknown; question?: unknown };
    if (kept.question !== question) return null;
    const { record, untilMs } = kept;
    const lists = [record?.roles, record?.permissions, record?.groups];
    const isRecord = lists.every(
      (list) => Array.isArray(list) && list.every((one) => typeof one === 'string'),
    );
    if (!isRecord || typeof untilMs !== 'number') return null;
    return { record: record as UserRecord, untilMs };
  } catch {
    return null;
  }
}
