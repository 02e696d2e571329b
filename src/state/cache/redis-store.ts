import { hash } from 'node:crypto';
import type { RedisClient, RedisConnection } from '../redis/client.ts';
import { packAnswer, type StoredAnswer, unpackAnswer } from './answer.ts';
import {
  type AnswerStore,
  answerKey,
  type Keeping,
  type Lookup,
  noUrl,
  urlMark,
  type Wanted,
} from './store.ts';
import { admitVariant, packVariants, unpackVariants, type Variants } from './variants.ts';

const PREFIX = 'portreeve:cache:';
/** After a purge, what is on its way may be what was purged: so long nothing with the mark is kept. */
const PURGE_HOLD_MS = 10_000;
const EVERYTHING = 'everything';
const SCAN_COUNT = '500';

/**
 * Keeps answers in Redis, for all replicas. Keys are hashes: they may hold secrets. Each key stands alone, so that a
 * cluster may have it anywhere; what belongs to a mark is listed in a set of its own.
 */
export class RedisAnswers implements AnswerStore {
  readonly isLocal = false;
  /** Invalidations are seen in Redis. */
  readonly moment = 0;
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async find(wanted: Wanted): Promise<Lookup> {
    try {
      const variants = await this.#variants(wanted.url);
      if (variants === null) return noUrl(wanted);
      const key = answerKey(wanted, variants);
      const packed = await this.#get(answerName(key));
      const answer = packed === null ? null : unpackAnswer(packed);
      return answer === null ? { kind: 'missing', what: 'variant', key } : { kind: 'found', answer, key };
    } catch {
      // The client has told it. Without the store everything is asked of the backend.
      return noUrl(wanted);
    }
  }

  async keep(
    wanted: Wanted,
    answer: StoredAnswer,
    { vary, maxVariants, usefulMs }: Keeping,
  ): Promise<boolean> {
    const marks = [urlMark(wanted.url), ...answer.head.marks];
    const lifeMs = Math.max(1, Math.ceil(usefulMs));
    try {
      if (await this.#isHeld(marks)) return false;
      const known = await this.#variants(wanted.url);
      const variants = admitVariant(known, vary, wanted, maxVariants);
      if (variants === null) return false;
      const url = urlName(wanted.url);
      // An answer of longer life may be reached by it.
      const urlLifeMs = Math.max(lifeMs, known === null ? 0 : await this.#lifeMs(url));
      await this.#client.ask((connection) =>
        Promise.all([
          connection.set(url, packVariants(variants), 'PX', urlLifeMs),
          connection.set(answerName(answerKey(wanted, variants)), packAnswer(answer), 'PX', lifeMs),
          ...marks.map((mark) => listMark(connection, mark, url, urlLifeMs)),
        ]),
      );
      if (!(await this.#isHeld(marks))) return true;
      // A purge has come between: what it removed may just have been written back.
      await this.#remove([url]);
      return false;
    } catch {
      return false;
    }
  }

  async invalidate(url: string): Promise<void> {
    await this.purge(urlMark(url)).catch(() => undefined);
  }

  /**
   * Of a URL that has an answer with the mark, all answers go.
   * @returns -1: Redis counts URLs, not answers
   * @throws StoreUnavailable when it does not answer in time
   */
  async purge(mark: string | null): Promise<number> {
    const held = holdName(mark ?? EVERYTHING);
    await this.#client.ask((connection) => connection.set(held, '1', 'PX', PURGE_HOLD_MS));
    if (mark === null) await this.#purgeAll();
    else await this.#purgeMark(mark);
    return -1;
  }

  async #purgeMark(mark: string): Promise<void> {
    const list = markName(mark);
    const names = await this.#client.ask((connection) => connection.smembers(list));
    await this.#remove([...names, list]);
  }

  async #purgeAll(): Promise<void> {
    const { connection } = this.#client;
    const nodes = 'nodes' in connection ? connection.nodes('master') : [connection];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const [next, names] = await this.#client.ask(() =>
          node.scan(cursor, 'MATCH', `${PREFIX}url:*`, 'COUNT', SCAN_COUNT),
        );
        cursor = next;
        await this.#remove(names);
      } while (cursor !== '0');
    }
  }

  async #remove(names: readonly string[]): Promise<void> {
    await this.#client.ask((connection) => Promise.all(names.map((name) => connection.unlink(name))));
  }

  async #isHeld(marks: readonly string[]): Promise<boolean> {
    const names = [EVERYTHING, ...marks].map(holdName);
    const held = await this.#client.ask((connection) =>
      Promise.all(names.map((name) => connection.exists(name))),
    );
    return held.some((count) => count > 0);
  }

  async #variants(url: string): Promise<Variants | null> {
    const packed = await this.#get(urlName(url));
    return packed === null ? null : unpackVariants(packed);
  }

  #get(name: string): Promise<Buffer | null> {
    return this.#client.ask((connection) => connection.getBuffer(name));
  }

  async #lifeMs(name: string): Promise<number> {
    return this.#client.ask((connection) => connection.pttl(name));
  }
}

/** The list lives at least as long as what it lists. */
async function listMark(
  connection: RedisConnection,
  mark: string,
  url: string,
  lifeMs: number,
): Promise<void> {
  const list = markName(mark);
  await connection.sadd(list, url);
  if ((await connection.pttl(list)) < lifeMs) await connection.pexpire(list, lifeMs);
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

function urlName(url: string): string {
  return `${PREFIX}url:${digest(url)}`;
}

function answerName(key: string): string {
  return `${PREFIX}answer:${digest(key)}`;
}

function markName(mark: string): string {
  return `${PREFIX}mark:${digest(mark)}`;
}

function holdName(mark: string): string {
  return `${PREFIX}hold:${digest(mark)}`;
}
