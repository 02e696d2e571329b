import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../../control/publisher.ts';
import { NO_CHANGE } from '../../ir/gateway.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { ResourceChange } from '../../sources/source.ts';
import type { SavedTable } from './saved-table.ts';

/** After a change of routes; together with those that follow. */
const SAVE_AFTER_MS = 1_000;
/** After a change of endpoints: they change often, and those of a moment ago mostly do. */
const SAVE_ENDPOINTS_AFTER_MS = 10_000;
/** The API server, or a controller, has so long for its first answers, before a table from before is served. */
const PATIENCE_MS = 3_000;

/** Saves what the threads have acknowledged, and brings it back when those who tell tables can't be reached at the start. */
export class TableKeeper {
  readonly #table: SavedTable;
  readonly #publisher: Publisher;
  readonly #log: ProgramLog;
  #timer: NodeJS.Timeout | null = null;
  #dueAtMs = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(table: SavedTable, publisher: Publisher, log: ProgramLog) {
    this.#table = table;
    this.#publisher = publisher;
    this.#log = log;
  }

  /**
   * @param teller who should have told a table by now, for people
   * @returns whether a table was published in place of the one that has not been told yet
   */
  async restore(teller: string): Promise<boolean> {
    const [saved] = await Promise.all([this.#table.load(), sleep(PATIENCE_MS, undefined, { ref: false })]);
    if (saved === null || this.#publisher.generation > 0) return false;
    const { ir, endpoints, secrets, consumers, savedAt } = saved;
    const { routes: upsertRoutes, clusters: upsertClusters } = ir;
    const delta = {
      ...{ ...NO_CHANGE, upsertRoutes, upsertClusters },
      ...{ upsertSecrets: secrets, upsertConsumers: consumers },
    };
    await this.#publisher.programmed(this.#publisher.publish(delta, endpoints));
    const fields = { event: 'restored', savedAt, routes: ir.routes.length };
    this.#log.warn(fields, `${teller} does not answer: serving the last good table`);
    return true;
  }

  published({ upsert, remove }: ResourceChange): void {
    const slow = [...upsert, ...remove.map((ref) => ref)].every(({ kind }) => kind === 'EndpointSlice');
    this.changed(slow ? 'endpoints' : 'routes');
  }

  changed(what: 'routes' | 'endpoints'): void {
    const dueAtMs = performance.now() + (what === 'endpoints' ? SAVE_ENDPOINTS_AFTER_MS : SAVE_AFTER_MS);
    if (this.#timer !== null && this.#dueAtMs <= dueAtMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueAtMs = dueAtMs;
    this.#timer = setTimeout(() => this.#save(), dueAtMs - performance.now());
  }

  /** Saves what is not saved yet. */
  async close(): Promise<void> {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#save();
    }
    await this.#saving;
  }

  #save(): void {
    this.#timer = null;
    const generation = this.#publisher.generation;
    this.#saving = this.#saving.then(async () => {
      // A table that a thread can't take is not a good one. The program may end before they all answer.
      const served = this.#publisher.programmed(generation).then(() => true);
      if (!(await Promise.race([served, sleep(10_000, false, { ref: false })]))) return;
      await this.#table.save(this.#publisher.state);
    });
    this.#saving = this.#saving.catch((error: Error) => {
      this.#log.error(
        { event: 'saveFailed', error: error.message },
        'the table could not be saved; see --state-dir',
      );
    });
  }
}
