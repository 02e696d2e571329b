import { FAMILIES, type FamilyKey, slotsOf } from './families.ts';
import type { FreedSeries, ObserveThreadMessage, SeriesAnnouncement } from './messages.ts';

/** Numbers of one page. 64 KiB: small enough for an idle thread, large enough that pages are rare. */
const PAGE_SLOTS = 8_192;
/** 64 MiB of numbers a thread. What asks for more shares cells that nobody reads. */
const DEFAULT_MAX_PAGES = 1_024;

/** Where one series of this thread stands. The owner caches `cells` and `slot`. */
export interface Series {
  readonly id: number;
  readonly family: FamilyKey;
  readonly labels: readonly string[];
  readonly page: number;
  readonly cells: Float64Array;
  readonly slot: number;
  /** Its numbers were handed over to the control thread, and it is zero. */
  freed: boolean;
}

/**
 * Series that live and go together, such as those of one route. Retired groups keep their memory until the
 * control thread has asked for all of them, so a group that is taken again goes on from its old numbers.
 */
export interface SeriesGroup {
  readonly series: Series[];
  retired: boolean;
  /** The memory is given to others after this returns: the owner must stop writing. */
  freed(): void;
}

/**
 * Hands out places in shared memory, one writer (this thread) and one reader (the control thread).
 *
 * Fixed pages rather than one growable buffer: V8 reads a length-tracking array about 14 times slower.
 * `Float64Array` rather than `BigInt64Array`: adding to the latter allocates. Plain loads and stores of
 * aligned doubles do not tear on the 64-bit platforms that Node runs on.
 */
export class SeriesAllocator {
  readonly #announce: (message: ObserveThreadMessage) => void;
  readonly #maxPages: number;
  readonly #owners = new Map<number, SeriesGroup>();
  readonly #byId = new Map<number, Series>();
  /** Free places by number of slots. */
  readonly #free = new Map<number, { page: number; cells: Float64Array; slot: number }[]>();
  #queue: ObserveThreadMessage[] = [];
  #page = -1;
  #cells: Float64Array = new Float64Array(0);
  #next = 0;
  #nextId = 1;
  #refused: Series | null = null;

  constructor(announce: (message: ObserveThreadMessage) => void, maxPages = DEFAULT_MAX_PAGES) {
    this.#announce = announce;
    this.#maxPages = maxPages;
  }

  /** Bytes taken from the system so far. */
  get allocatedBytes(): number {
    return (this.#page + 1) * PAGE_SLOTS * Float64Array.BYTES_PER_ELEMENT;
  }

  /** A zeroed series, announced to the control thread. At the limit: cells that nobody reads. */
  allocate(group: SeriesGroup, family: FamilyKey, labels: readonly string[]): Series {
    const slots = slotsOf(family);
    const place = this.#free.get(slots)?.pop() ?? this.#bump(slots);
    if (place === null) return this.#refuse(slots);
    const series: Series = { id: this.#nextId++, family, labels, ...place, freed: false };
    group.series.push(series);
    this.#owners.set(series.id, group);
    this.#byId.set(series.id, series);
    this.#added([series]);
    return series;
  }

  /** Allocates the series that counts refusals, while there is room for it. */
  reserveRefusals(group: SeriesGroup): void {
    this.#refused = this.allocate(group, 'seriesRefused', []);
  }

  /** Nobody writes the group any more; `revive` takes that back. */
  retire(group: SeriesGroup): void {
    group.retired = true;
    if (group.series.length === 0) group.freed();
    else this.#enqueue({ type: 'seriesRetired', ids: group.series.map((series) => series.id) });
  }

  revive(group: SeriesGroup): void {
    group.retired = false;
    const gone = group.series.filter((series) => series.freed);
    const kept = group.series.filter((series) => !series.freed).map((series) => series.id);
    if (kept.length > 0) this.#enqueue({ type: 'seriesRevived', ids: kept });
    for (const series of gone) series.freed = false;
    if (gone.length > 0) this.#added(gone);
  }

  /**
   * Hands over those that nobody took again meanwhile. Only this thread knows that, so the control thread asks
   * instead of dropping them: what is counted while its question is under way would be lost.
   */
  reclaim(ids: readonly number[]): void {
    const freed: FreedSeries[] = [];
    const kept: number[] = [];
    for (const id of ids) {
      const series = this.#byId.get(id);
      const group = this.#owners.get(id);
      if (series === undefined || group === undefined) continue;
      if (!group.retired) {
        kept.push(id);
        continue;
      }
      freed.push({ id, numbers: Array.from(cellsOf(series)) });
      if (FAMILIES[series.family].type !== 'gauge') cellsOf(series).fill(0);
      series.freed = true;
      if (group.series.every((other) => other.freed)) this.#release(group);
    }
    this.#enqueue({ type: 'seriesFreed', freed, kept });
  }

  #release(group: SeriesGroup): void {
    group.freed();
    for (const series of group.series) {
      const { id, family, page, cells, slot } = series;
      const slots = slotsOf(family);
      cellsOf(series).fill(0);
      const places = this.#free.get(slots);
      if (places === undefined) this.#free.set(slots, [{ page, cells, slot }]);
      else places.push({ page, cells, slot });
      this.#owners.delete(id);
      this.#byId.delete(id);
    }
    group.series.length = 0;
  }

  #bump(slots: number): { page: number; cells: Float64Array; slot: number } | null {
    if (this.#next + slots > this.#cells.length) {
      if (this.#page + 1 >= this.#maxPages) return null;
      const buffer = new SharedArrayBuffer(PAGE_SLOTS * Float64Array.BYTES_PER_ELEMENT);
      this.#page += 1;
      this.#cells = new Float64Array(buffer);
      this.#next = 0;
      this.#enqueue({ type: 'metricsPage', page: this.#page, buffer });
    }
    const slot = this.#next;
    this.#next += slots;
    return { page: this.#page, cells: this.#cells, slot };
  }

  #refuse(slots: number): Series {
    const counter = this.#refused;
    if (counter !== null) counter.cells[counter.slot]! += 1;
    const cells = new Float64Array(slots);
    return { id: 0, family: 'seriesRefused', labels: [], page: -1, cells, slot: 0, freed: false };
  }

  #added(series: readonly Series[]): void {
    const announcements: SeriesAnnouncement[] = series.map(({ id, family, labels, page, slot }) => ({
      id,
      family,
      labels,
      page,
      slot,
    }));
    this.#enqueue({ type: 'seriesAdded', series: announcements });
  }

  /** Messages of one turn go together, in order; neighbours of one type as one. */
  #enqueue(message: ObserveThreadMessage): void {
    if (this.#queue.length === 0) queueMicrotask(() => this.#flush());
    const last = this.#queue.at(-1);
    if (last?.type === 'seriesAdded' && message.type === 'seriesAdded') {
      (last.series as SeriesAnnouncement[]).push(...message.series);
    } else if (last?.type === 'seriesRetired' && message.type === 'seriesRetired') {
      (last.ids as number[]).push(...message.ids);
    } else this.#queue.push(message);
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const message of queue) this.#announce(message);
  }
}

function cellsOf({ family, cells, slot }: Series): Float64Array {
  return cells.subarray(slot, slot + slotsOf(family));
}
