import { FAMILIES, type Family, type FamilyKey, slotsOf } from './families.ts';
import type {
  FreedSeries,
  ObserveControlMessage,
  ObserveThreadMessage,
  SeriesAnnouncement,
} from './messages.ts';

/** Two Prometheus servers a minute apart both see the last numbers of a series that goes. */
const MIN_RETIRED_MS = 60_000;
/** Without a scrape a retired series goes after this long. */
const GRACE_MS = 300_000;

export interface MetricsCollectorOptions {
  /** Posts to one data-plane thread. */
  readonly send: (threadId: number, message: ObserveControlMessage) => void;
  /** Unix milliseconds; for tests. */
  readonly now?: () => number;
}

/** One thread's share of a label set. */
interface Part {
  readonly threadId: number;
  readonly id: number;
  readonly cells: Float64Array;
  readonly slot: number;
  readonly set: LabelSet;
  retired: boolean;
  /** Its numbers when the thread was asked to free it: until it answers, its memory may be someone else's. */
  frozen: Float64Array | null;
}

/** What Prometheus sees as one series. */
interface LabelSet {
  readonly key: string;
  readonly family: FamilyKey;
  /** As in the exposition format: `method="GET",status="200"`. */
  readonly labels: string;
  readonly parts: Set<Part>;
  /** What was counted by threads that no longer have it. */
  base: Float64Array | null;
  /** null while a thread writes it. */
  retiredAtMs: number | null;
  scraped: boolean;
}

/** The numbers of one label set, summed over the threads. */
export interface Reading {
  readonly labels: string;
  readonly numbers: Float64Array;
}

interface ThreadState {
  readonly pages: Map<number, Float64Array>;
  readonly parts: Map<number, Part>;
}

/**
 * The control thread's side of the data plane's counters: sums over the threads what they announced. A label
 * set is dropped only when every thread has retired it, and was scraped since, so that no sum goes backwards.
 */
export class MetricsCollector {
  readonly #send: MetricsCollectorOptions['send'];
  readonly #now: () => number;
  readonly #threads = new Map<number, ThreadState>();
  readonly #families = new Map<FamilyKey, Map<string, LabelSet>>();
  readonly #retired = new Set<LabelSet>();

  constructor(options: MetricsCollectorOptions) {
    this.#send = options.send;
    this.#now = options.now ?? Date.now;
    for (const key of Object.keys(FAMILIES) as FamilyKey[]) this.#families.set(key, new Map());
  }

  /** Takes a message of a thread; false when it is not about metrics. */
  receive(threadId: number, message: ObserveThreadMessage): boolean {
    const thread = this.#thread(threadId);
    switch (message.type) {
      case 'metricsPage':
        thread.pages.set(message.page, new Float64Array(message.buffer));
        return true;
      case 'seriesAdded':
        for (const series of message.series) this.#add(threadId, thread, series);
        return true;
      case 'seriesRetired':
        for (const id of message.ids) this.#setRetired(thread.parts.get(id), true);
        return true;
      case 'seriesRevived':
        for (const id of message.ids) this.#setRetired(thread.parts.get(id), false);
        return true;
      case 'seriesFreed':
        for (const series of message.freed) this.#free(thread, series);
        for (const id of message.kept) thaw(thread.parts.get(id));
        return true;
      default:
        return false;
    }
  }

  /** The thread ended: its counts stay, its gauges go. */
  removeThread(threadId: number): void {
    const thread = this.#threads.get(threadId);
    if (thread === undefined) return;
    this.#threads.delete(threadId);
    for (const part of thread.parts.values()) {
      const { set } = part;
      remember(part, numbersOf(part));
      set.parts.delete(part);
      if (set.base === null && set.parts.size === 0) this.#drop(set);
      else this.#refresh(set);
    }
  }

  /** Each label set of a family. What it yields is only valid until the next one is asked for. */
  *read(family: FamilyKey): Generator<Reading> {
    const numbers = new Float64Array(slotsOf(family));
    for (const set of this.#families.get(family)?.values() ?? []) {
      if (set.base === null) numbers.fill(0);
      else numbers.set(set.base);
      for (const part of set.parts) addTo(numbers, part);
      if (set.retiredAtMs !== null) set.scraped = true;
      yield { labels: set.labels, numbers };
    }
  }

  /** Has threads free what was retired long enough, and drops what none of them has. Call it every few seconds. */
  sweep(): void {
    const due = new Map<number, number[]>();
    for (const set of this.#retired) {
      if (!this.#isDue(set)) continue;
      if (set.parts.size === 0) this.#drop(set);
      for (const part of set.parts) {
        if (part.frozen !== null) continue;
        part.frozen = numbersOf(part).slice();
        const ids = due.get(part.threadId);
        if (ids === undefined) due.set(part.threadId, [part.id]);
        else ids.push(part.id);
      }
    }
    for (const [threadId, ids] of due) this.#send(threadId, { type: 'seriesReclaim', ids });
  }

  /** Label sets held now. */
  get size(): number {
    let size = 0;
    for (const sets of this.#families.values()) size += sets.size;
    return size;
  }

  #thread(threadId: number): ThreadState {
    const known = this.#threads.get(threadId);
    if (known !== undefined) return known;
    const made: ThreadState = { pages: new Map(), parts: new Map() };
    this.#threads.set(threadId, made);
    return made;
  }

  #add(threadId: number, thread: ThreadState, series: SeriesAnnouncement): void {
    const cells = thread.pages.get(series.page);
    if (cells === undefined || thread.parts.has(series.id)) return;
    const set = this.#labelSet(threadId, series);
    const part: Part = {
      threadId,
      id: series.id,
      cells,
      slot: series.slot,
      set,
      retired: false,
      frozen: null,
    };
    set.parts.add(part);
    thread.parts.set(series.id, part);
    this.#refresh(set);
  }

  #labelSet(threadId: number, series: SeriesAnnouncement): LabelSet {
    const family: Family = FAMILIES[series.family];
    const values = family.perThread === true ? [...series.labels, String(threadId)] : series.labels;
    const names = family.perThread === true ? [...family.labels, 'thread'] : family.labels;
    const key = JSON.stringify(values);
    const sets = this.#families.get(series.family)!;
    const known = sets.get(key);
    if (known !== undefined) return known;
    const labels = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
    const made: LabelSet = {
      key,
      family: series.family,
      labels,
      parts: new Set(),
      base: null,
      retiredAtMs: null,
      scraped: false,
    };
    sets.set(key, made);
    return made;
  }

  #setRetired(part: Part | undefined, retired: boolean): void {
    if (part === undefined) return;
    part.retired = retired;
    this.#refresh(part.set);
  }

  /** What a thread counted stays in the sum as long as another thread uses the set. */
  #free(thread: ThreadState, { id, numbers }: FreedSeries): void {
    const part = thread.parts.get(id);
    if (part === undefined) return;
    const { set } = part;
    remember(part, numbers);
    thread.parts.delete(id);
    set.parts.delete(part);
    if (set.parts.size === 0 && this.#isDue(set)) this.#drop(set);
    else this.#refresh(set);
  }

  #isDue({ retiredAtMs, scraped }: LabelSet): boolean {
    return retiredAtMs !== null && this.#now() - retiredAtMs >= (scraped ? MIN_RETIRED_MS : GRACE_MS);
  }

  #refresh(set: LabelSet): void {
    for (const part of set.parts) {
      if (part.retired) continue;
      set.retiredAtMs = null;
      this.#retired.delete(set);
      return;
    }
    if (set.retiredAtMs !== null) return;
    set.retiredAtMs = this.#now();
    set.scraped = false;
    this.#retired.add(set);
  }

  #drop(set: LabelSet): void {
    this.#families.get(set.family)?.delete(set.key);
    this.#retired.delete(set);
  }
}

/** Prometheus exposition format: only these three are special in a label's value. */
function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Keeps what a part counted; a gauge of a thread that is gone says nothing any more. */
function remember({ set }: Part, numbers: ArrayLike<number>): void {
  if (FAMILIES[set.family].type === 'gauge') return;
  set.base ??= new Float64Array(slotsOf(set.family));
  for (let i = 0; i < set.base.length; i += 1) set.base[i]! += numbers[i]!;
}

function addTo(numbers: Float64Array, part: Part): void {
  const { frozen, cells, slot } = part;
  if (frozen !== null) for (let i = 0; i < numbers.length; i += 1) numbers[i]! += frozen[i]!;
  else for (let i = 0; i < numbers.length; i += 1) numbers[i]! += cells[slot + i]!;
}

function numbersOf({ set, frozen, cells, slot }: Part): Float64Array {
  return frozen ?? cells.subarray(slot, slot + slotsOf(set.family));
}

function thaw(part: Part | undefined): void {
  if (part !== undefined) part.frozen = null;
}
