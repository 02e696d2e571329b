import { Cell } from './cell.ts';
import type { FamilyKey } from './families.ts';
import type { Series, SeriesAllocator, SeriesGroup } from './series-allocator.ts';
import { StatusKeys } from './status-keys.ts';
import type { UpstreamMetrics } from './thread-metrics.ts';

/** What one thread counts about one service. */
export class UpstreamSeries implements UpstreamMetrics, SeriesGroup {
  readonly series: Series[] = [];
  retired = false;
  readonly connectionsOpen: Cell;
  readonly connectionsIdle: Cell;
  readonly requestsPending: Cell;
  readonly connectFailures: Cell;
  readonly retries: Cell;
  readonly #allocator: SeriesAllocator;
  readonly #service: string;
  readonly #onFreed: () => void;
  readonly #keys = new StatusKeys();
  readonly #statuses: Cell[] = [];
  #uses = 1;
  #lastStatus = -1;
  #lastCell: Cell | null = null;

  constructor(allocator: SeriesAllocator, service: string, onFreed: () => void) {
    this.#allocator = allocator;
    this.#service = service;
    this.#onFreed = onFreed;
    this.connectionsOpen = this.#cell('upstreamConnectionsOpen');
    this.connectionsIdle = this.#cell('upstreamConnectionsIdle');
    this.requestsPending = this.#cell('upstreamRequestsPending');
    this.connectFailures = this.#cell('upstreamConnectFailures');
    this.retries = this.#cell('upstreamRetries');
  }

  status(status: number): void {
    if (status !== this.#lastStatus) {
      let index = this.#keys.find(0, status);
      if (index === -1) {
        if (this.#uses === 0) return;
        index = this.#keys.add(0, status);
        const labels = [this.#service, this.#keys.label(index)];
        this.#statuses[index] = new Cell(this.#allocator.allocate(this, 'upstreamStatus', labels));
      }
      this.#lastStatus = status;
      this.#lastCell = this.#statuses[index]!;
    }
    this.#lastCell!.add(1);
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
    for (const cell of this.#statuses) cell.detach();
    this.#statuses.length = 0;
    this.#keys.clear();
    this.#lastStatus = -1;
    this.connectionsOpen.detach();
    this.connectionsIdle.detach();
    this.requestsPending.detach();
    this.connectFailures.detach();
    this.retries.detach();
    this.#onFreed();
  }

  #cell(family: FamilyKey): Cell {
    return new Cell(this.#allocator.allocate(this, family, [this.#service]));
  }
}
