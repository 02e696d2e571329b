import type { FamilyKey } from './families.ts';
import type { Series, SeriesAllocator, SeriesGroup } from './series-allocator.ts';
import type { Counter, Gauge } from './thread-metrics.ts';

/** One number in shared memory, as a counter or a gauge. */
export class Cell implements Counter, Gauge {
  #cells: Float64Array;
  #slot: number;

  constructor(series: Series) {
    this.#cells = series.cells;
    this.#slot = series.slot;
  }

  add(amount: number): void {
    this.#cells[this.#slot]! += amount;
  }

  set(value: number): void {
    this.#cells[this.#slot] = value;
  }

  /** The memory goes to another series: what is still written (a late close) goes nowhere. */
  detach(): void {
    this.#cells = new Float64Array(1);
    this.#slot = 0;
  }
}

/** Series that stay as long as the thread. */
export class CellGroup implements SeriesGroup {
  readonly series: Series[] = [];
  retired = false;
  readonly #allocator: SeriesAllocator;

  constructor(allocator: SeriesAllocator) {
    this.#allocator = allocator;
  }

  cell(family: FamilyKey, ...labels: readonly string[]): Cell {
    return new Cell(this.#allocator.allocate(this, family, labels));
  }

  freed(): void {}
}
