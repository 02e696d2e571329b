import type { FamilyKey } from './families.ts';

/** A series that a thread writes: where its numbers stand and what they mean. */
export interface SeriesAnnouncement {
  /** Unique within the thread while the series lives. */
  readonly id: number;
  readonly family: FamilyKey;
  /** In the order of the family's label names. */
  readonly labels: readonly string[];
  readonly page: number;
  /** Index of its first number in the page. */
  readonly slot: number;
}

/** A series that its thread no longer has, with its last numbers. */
export interface FreedSeries {
  readonly id: number;
  readonly numbers: readonly number[];
}

/** Data-plane thread → control thread; `type` differs from every `ThreadMessage`, so one port can carry both. */
export type ObserveThreadMessage =
  /** More memory for numbers: `Float64Array`, written by the thread alone. */
  | { readonly type: 'metricsPage'; readonly page: number; readonly buffer: SharedArrayBuffer }
  | { readonly type: 'seriesAdded'; readonly series: readonly SeriesAnnouncement[] }
  /** Nobody writes them any more. */
  | { readonly type: 'seriesRetired'; readonly ids: readonly number[] }
  /** Retired, then taken again before they were freed. */
  | { readonly type: 'seriesRevived'; readonly ids: readonly number[] }
  /** The answer to `seriesReclaim`; `kept` were taken again meanwhile. */
  | {
      readonly type: 'seriesFreed';
      readonly freed: readonly FreedSeries[];
      readonly kept: readonly number[];
    }
  /** Whole lines; `buffer` is not written again before it comes back. Each costs one credit. */
  | {
      readonly type: 'accessLog';
      readonly buffer: SharedArrayBuffer;
      readonly length: number;
      readonly lines: number;
    };

/** Control thread → data-plane thread. */
export type ObserveControlMessage =
  /** Were shown long enough: those that are still retired may go. */
  | { readonly type: 'seriesReclaim'; readonly ids: readonly number[] }
  /** A batch was written; its buffer comes back with the credit. */
  | { readonly type: 'accessLogCredit'; readonly buffer: SharedArrayBuffer };
