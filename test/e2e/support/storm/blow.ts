import { setTimeout as sleep } from 'node:timers/promises';
import { AddressHistory } from './history.ts';
import { addressesAt, ENDPOINTS } from './objects.ts';

export interface StormOptions {
  /** Numbers of the Services whose slices change, a slice each. */
  readonly services: readonly number[];
  readonly updatesPerSecond: number;
  readonly seconds: number;
  /** Resolves when the API server has taken the slice of a Service with these addresses. */
  readonly write: (service: number, addresses: readonly string[]) => Promise<unknown>;
  /** A request to the Service through the gateway; the body says which address it came to. */
  readonly ask: (service: number) => Promise<{ readonly status: number; readonly body: string }>;
}

export interface StormResult {
  /** Slices written, and in how many seconds. */
  readonly updates: number;
  readonly seconds: number;
  readonly requests: number;
  /** Requests that were not answered 200 by an endpoint of theirs, by what came instead. */
  readonly failures: Readonly<Record<string, number>>;
  readonly requestMs: readonly number[];
  /** Of requests to an endpoint that was gone when they began: for how long. */
  readonly staleMs: readonly number[];
}

/** Each has Services of its own, so that it is known which update of a slice is the last. */
const WRITERS = 40;
const ASKERS = 4;
const ASK_PAUSE_MS = 5;
/** Answers of a Service in a row that must come from its last endpoints: as often as it takes to be asked of each once. */
const ANSWERS = ENDPOINTS + 4;
const SETTLE_MS = 120_000;

/**
 * Writes slices at an even rate, each time with some endpoints gone and as many come, and sends requests to their Services.
 * Resolves once all of it is served. @throws Error when it never is, or a slice can't be written
 */
export async function blow(options: StormOptions): Promise<StormResult> {
  const { services, seconds, updatesPerSecond } = options;
  const storm = new Storm(options);
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1000;
  const writer = async (own: readonly number[], index: number): Promise<void> => {
    for (let round = 0; performance.now() < endMs; round++) {
      const dueMs = beganMs + ((round * WRITERS + index) * 1000) / updatesPerSecond;
      await sleep(Math.max(0, dueMs - performance.now()));
      await storm.update(own[round % own.length]!);
    }
  };
  const owned = Array.from({ length: WRITERS }, (_, index) =>
    services.filter((_service, at) => at % WRITERS === index),
  );
  let writtenMs = 0;
  const writing = Promise.all(owned.map(writer)).then(() => {
    writtenMs = performance.now();
  });
  const asker = async (_: unknown, index: number): Promise<void> => {
    for (let at = index; performance.now() < endMs; at += ASKERS) {
      await storm.request(services[at % services.length]!);
      await sleep(ASK_PAUSE_MS);
    }
  };
  await Promise.all([writing, ...Array.from({ length: ASKERS }, asker)]);
  const rest = [...services];
  const check = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop())
      await storm.settled(next, writtenMs + SETTLE_MS);
  };
  await Promise.all(Array.from({ length: ASKERS }, check));
  return { ...storm.counts, seconds: (writtenMs - beganMs) / 1000 };
}

class Storm {
  readonly #options: StormOptions;
  readonly #history = new AddressHistory();
  readonly #updates = new Map<number, number>();
  readonly #failures: Record<string, number> = {};
  readonly #requestMs: number[] = [];
  readonly #staleMs: number[] = [];

  constructor(options: StormOptions) {
    this.#options = options;
    for (const service of options.services) this.#history.offered(service, addressesAt(service, 0));
  }

  get counts(): Omit<StormResult, 'seconds'> {
    return {
      updates: [...this.#updates.values()].reduce((sum, one) => sum + one, 0),
      requests: this.#requestMs.length,
      failures: this.#failures,
      requestMs: this.#requestMs,
      staleMs: this.#staleMs,
    };
  }

  /** @throws Error of the writing */
  async update(service: number): Promise<void> {
    const { write } = this.#options;
    const update = (this.#updates.get(service) ?? 0) + 1;
    this.#updates.set(service, update);
    const addresses = addressesAt(service, update);
    this.#history.offered(service, addresses);
    await write(service, addresses);
    this.#history.agreed(service, addresses, performance.now());
  }

  async request(service: number): Promise<void> {
    const beganMs = performance.now();
    const reply = await this.#options
      .ask(service)
      .catch((error: Error) => ({ status: 0, body: error.message }));
    this.#requestMs.push(performance.now() - beganMs);
    const staleMs = this.#history.staleMs(service, reply.body, beganMs);
    if (reply.status !== 200 || staleMs === null) this.#fail(`${reply.status} ${reply.body}`);
    else if (staleMs > 0) this.#staleMs.push(staleMs);
  }

  /** Its answers come from the endpoints of its last slice. @throws Error when they never do */
  async settled(service: number, endMs: number): Promise<void> {
    const last = this.#history.now(service);
    for (let answers = 0; answers < ANSWERS; answers++) {
      const { status, body } = await this.#options.ask(service);
      if (status === 200 && last.has(body)) continue;
      if (performance.now() > endMs)
        throw new Error(`service ${service} is still served by ${body} (${status})`);
      answers = -1;
      await sleep(ASK_PAUSE_MS);
    }
  }

  #fail(what: string): void {
    this.#failures[what] = (this.#failures[what] ?? 0) + 1;
  }
}
