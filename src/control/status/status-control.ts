import type { Finding } from '../../ir/finding.ts';
import { objectKey } from '../../ir/origin.ts';
import type { ResourceChange } from '../../sources/source.ts';
import { type Condition, conditionsOf } from './conditions.ts';
import type { ReplicaProgress } from './progress.ts';

/** An object whose status is ours to write. */
export interface StatusObject {
  readonly version: string;
  /** Whether threads serve it, so that their acknowledgement counts. */
  readonly served: boolean;
}

export interface StatusControlOptions {
  readonly progress: ReplicaProgress;
  readonly object: (key: string) => StatusObject | null;
  readonly keys: () => Iterable<string>;
  /** Whether this replica writes. */
  readonly leading: () => boolean;
  readonly write: (key: string, version: string, conditions: readonly Condition[]) => void;
  readonly forget: (key: string) => void;
}

/** Acknowledgements come within milliseconds: what is pending for less is not worth a write. */
const PENDING_AFTER_MS = 2_000;
const PER_TURN = 250;

/**
 * Decides which objects get a new status, and when. A version of an object goes through these states:
 *   seen         the source has it; what is wrong with it is not known yet;
 *   translated   the control loop has taken it; the next review tells what is wrong with it;
 *   reviewed     its findings are known: its status is written, and again when findings or acknowledgements change.
 */
export class StatusControl {
  readonly #options: StatusControlOptions;
  readonly #stale = new Map<string, 'seen' | 'translated'>();
  readonly #versions = new Map<string, string>();
  readonly #dirty = new Set<string>();
  /** Since when a version waits for acknowledgements, in milliseconds of `performance.now()`. */
  readonly #pendingSince = new Map<string, number>();
  #findings: ReadonlyMap<string, readonly Finding[]> = new Map();
  #turn: NodeJS.Immediate | null = null;
  #sweep: NodeJS.Timeout | null = null;

  constructor(options: StatusControlOptions) {
    this.#options = options;
  }

  /** An object came, changed or went, or its stored status did. */
  objectChanged(key: string): void {
    const object = this.#options.object(key);
    if (object === null) {
      this.#versions.delete(key);
      this.#stale.delete(key);
      this.#pendingSince.delete(key);
      this.#options.progress.forget(key);
      this.#options.forget(key);
      return;
    }
    if (this.#versions.get(key) !== object.version) {
      this.#versions.set(key, object.version);
      this.#stale.set(key, 'seen');
      this.#pendingSince.delete(key);
    }
    this.#mark(key);
  }

  /** The control loop has taken everything that was seen, unless it is only a change of slices, which waits for nothing. */
  published({ upsert, remove }: ResourceChange): void {
    const onlySlices =
      upsert.length + remove.length > 0 &&
      upsert.every(({ kind }) => kind === 'EndpointSlice') &&
      remove.every(({ kind }) => kind === 'EndpointSlice');
    if (onlySlices) return;
    for (const key of this.#stale.keys()) this.#stale.set(key, 'translated');
  }

  reviewed(findings: readonly Finding[]): void {
    const before = this.#findings;
    this.#findings = Map.groupBy(findings, ({ origin }) => objectKey(origin.object));
    for (const key of new Set([...before.keys(), ...this.#findings.keys()])) {
      if (JSON.stringify(before.get(key)) !== JSON.stringify(this.#findings.get(key))) this.#mark(key);
    }
    for (const [key, state] of this.#stale) {
      if (state !== 'translated') continue;
      this.#stale.delete(key);
      this.#mark(key);
    }
  }

  acknowledged(keys: readonly string[] | 'all'): void {
    for (const key of keys === 'all' ? this.#options.keys() : keys) this.#mark(key);
  }

  /** This replica leads now, or the replicas are others. */
  all(): void {
    for (const key of this.#options.keys()) this.#mark(key);
  }

  stop(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#dirty.clear();
    this.#turn = null;
    this.#sweep = null;
  }

  #mark(key: string): void {
    if (!this.#options.leading()) return;
    this.#dirty.add(key);
    this.#turn ??= setImmediate(() => this.#decide());
  }

  #decide(): void {
    this.#turn = null;
    let left = PER_TURN;
    for (const key of this.#dirty) {
      this.#dirty.delete(key);
      this.#decideOn(key);
      left -= 1;
      if (left === 0) break;
    }
    if (this.#dirty.size > 0) this.#turn = setImmediate(() => this.#decide());
  }

  #decideOn(key: string): void {
    const { object: lookUp, progress: replicas, write } = this.#options;
    const object = lookUp(key);
    if (object === null || this.#stale.has(key)) return;
    const progress = object.served ? replicas.of(key, object.version) : null;
    if (progress !== null && progress.done < progress.total && progress.failure === null) {
      const since = this.#pendingSince.get(key) ?? performance.now();
      this.#pendingSince.set(key, since);
      if (performance.now() - since < PENDING_AFTER_MS) {
        this.#sweep ??= setTimeout(() => this.#sweepPending(), PENDING_AFTER_MS / 4);
        return;
      }
    } else this.#pendingSince.delete(key);
    write(key, object.version, conditionsOf({ findings: this.#findings.get(key) ?? [], progress }));
  }

  #sweepPending(): void {
    this.#sweep = null;
    for (const key of this.#pendingSince.keys()) this.#mark(key);
  }
}
