import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { AckPage } from '../../ir/acks.ts';
import type { ReplicaProgress } from './progress.ts';

export interface AckPollerOptions {
  readonly progress: ReplicaProgress;
  /** Objects of which a replica has said something new. */
  readonly onAcks: (keys: readonly string[] | 'all') => void;
  readonly onFailure: (replica: string, message: string) => void;
}

/** A replica holds a question for so long when it has nothing new to say. */
const WAIT_SECONDS = 20;
const TIMEOUT_MS = 30_000;
const RETRY_MS = 1_000;

/** Asks each ready replica what it has acknowledged, over and over: an answer comes when there is something new. */
export class AckPoller {
  readonly #options: AckPollerOptions;
  readonly #agent = new Agent({ allowH2: false, connect: { timeout: 3_000 } });
  readonly #polls = new Map<string, AbortController>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: AckPollerOptions) {
    this.#options = options;
  }

  /** Base URLs of the admin servers, by replica. */
  set(replicas: ReadonlyMap<string, string>): void {
    for (const [poll, abort] of this.#polls) {
      if ([...replicas].some(([name, url]) => pollKey(name, url) === poll)) continue;
      abort.abort();
      this.#polls.delete(poll);
    }
    for (const [name, url] of replicas) {
      const key = pollKey(name, url);
      if (this.#polls.has(key)) continue;
      const abort = new AbortController();
      this.#polls.set(key, abort);
      const running = this.#follow(name, url, abort.signal).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async stop(): Promise<void> {
    this.set(new Map());
    await Promise.all(this.#running);
    await this.#agent.destroy();
  }

  async #follow(name: string, url: string, signal: AbortSignal): Promise<void> {
    const { progress, onAcks, onFailure } = this.#options;
    let failed = false;
    while (!signal.aborted) {
      try {
        const { epoch, cursor } = progress.position(name) ?? { epoch: '', cursor: 0 };
        const page = await this.#ask(`${url}/acks`, { epoch, since: cursor, wait: WAIT_SECONDS }, signal);
        failed = false;
        const keys = progress.take(name, page);
        if (keys.length > 0) onAcks(keys);
      } catch (error) {
        if (signal.aborted) return;
        if (!failed) onFailure(name, error instanceof Error ? error.message : String(error));
        failed = true;
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #ask(url: string, query: Record<string, string | number>, signal: AbortSignal): Promise<AckPage> {
    const { statusCode, body } = await request(url, {
      query,
      dispatcher: this.#agent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`${url} answered ${statusCode}`);
    }
    return (await body.json()) as AckPage;
  }
}

function pollKey(name: string, url: string): string {
  return `${name} ${url}`;
}
