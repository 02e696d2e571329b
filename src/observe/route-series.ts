import { DURATION_BOUNDS_MS, HISTOGRAM_SLOTS } from './families.ts';
import { METHOD_LABELS } from './labels.ts';
import type { Series, SeriesAllocator, SeriesGroup } from './series-allocator.ts';
import { StatusKeys } from './status-keys.ts';
import type { RouteMetrics } from './thread-metrics.ts';

const BOUNDS = Float64Array.from(DURATION_BOUNDS_MS);
const SUM_SLOT = HISTOGRAM_SLOTS - 1;
const NO_CELLS = new Float64Array(HISTOGRAM_SLOTS);
/** The client left before an answer began; nginx's code for it, which dashboards know. */
const CLIENT_CLOSED = 499;

/** The requests and durations of one path pattern and service on one thread. */
export class RouteSeries implements RouteMetrics, SeriesGroup {
  readonly series: Series[] = [];
  retired = false;
  readonly #allocator: SeriesAllocator;
  readonly #pattern: string;
  readonly #service: string;
  readonly #onFreed: () => void;
  #uses = 1;
  readonly #keys = new StatusKeys();
  readonly #counters: Series[] = [];
  /** By method id. */
  readonly #histograms: (Series | undefined)[] = [];
  /** Where the last request was counted: most requests of a route are alike. */
  #lastKey = -1;
  #counterCells: Float64Array = NO_CELLS;
  #counterSlot = 0;
  #histogramCells: Float64Array = NO_CELLS;
  #histogramSlot = 0;

  constructor(allocator: SeriesAllocator, pattern: string, service: string, onFreed: () => void) {
    this.#allocator = allocator;
    this.#pattern = pattern;
    this.#service = service;
    this.#onFreed = onFreed;
  }

  count(methodId: number, status: number, durationMs: number): void {
    if (methodId * 1_000 + status !== this.#lastKey && !this.#select(methodId, status)) return;
    this.#counterCells[this.#counterSlot]! += 1;
    const cells = this.#histogramCells;
    const slot = this.#histogramSlot;
    // Also false for NaN, which would stay in the sum for ever.
    const ms = durationMs > 0 ? durationMs : 0;
    let bucket = 0;
    while (bucket < BOUNDS.length && ms > BOUNDS[bucket]!) bucket += 1;
    cells[slot + bucket]! += 1;
    cells[slot + SUM_SLOT]! += ms;
  }

  acquire(): void {
    this.#uses += 1;
    if (this.#uses === 1) this.#allocator.revive(this);
  }

  release(): void {
    if (this.#uses === 0) return;
    this.#uses -= 1;
    if (this.#uses === 0) this.#allocator.retire(this);
  }

  freed(): void {
    this.#lastKey = -1;
    this.#keys.clear();
    this.#counters.length = 0;
    this.#histograms.length = 0;
    this.#onFreed();
  }

  /** Turns to the series of another method or status; false when nobody uses this any more. */
  #select(methodId: number, status: number): boolean {
    const shown = status === 0 ? CLIENT_CLOSED : status;
    let index = this.#keys.find(methodId, shown);
    if (index === -1) {
      if (this.#uses === 0) return false;
      index = this.#keys.add(methodId, shown);
    }
    const method = METHOD_LABELS[methodId] ?? 'OTHER';
    let counter = this.#counters[index];
    if (counter === undefined) {
      const labels = [method, this.#pattern, this.#keys.label(index), this.#service];
      counter = this.#allocator.allocate(this, 'requests', labels);
      this.#counters[index] = counter;
    }
    let histogram = this.#histograms[methodId];
    if (histogram === undefined) {
      const labels = [method, this.#pattern, this.#service];
      histogram = this.#allocator.allocate(this, 'requestDuration', labels);
      this.#histograms[methodId] = histogram;
    }
    this.#counterCells = counter.cells;
    this.#counterSlot = counter.slot;
    this.#histogramCells = histogram.cells;
    this.#histogramSlot = histogram.slot;
    this.#lastKey = methodId * 1_000 + status;
    return true;
  }
}
