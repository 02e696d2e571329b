import type { Meter } from './meter.ts';

/** What is to be taken from one meter. */
export interface Charge {
  readonly meter: Meter;
  /** Whose bucket of the meter it is. */
  readonly key: string;
  /** Tokens, a whole number of at least 1. */
  readonly cost: number;
}

/** One request's claim on one meter. */
export interface Demand extends Charge {
  /** Tell what it would have said, but refuse nothing. */
  readonly shadow: boolean;
  /** Ask whether it is there, but take nothing: that is known later. */
  readonly peek: boolean;
}

/** What one meter said. */
export interface Outcome {
  readonly allowed: boolean;
  /** Tokens left after this request, which has taken none if it was refused. */
  readonly remaining: number;
  /** A request of the same cost gets in after so long if nobody else comes; 0: now; `Infinity`: never. */
  readonly waitMs: number;
  /** Until everything is as if nobody had come. */
  readonly resetMs: number;
}

/** What all meters of one request said, in the order of its demands. */
export interface Verdict {
  /** Every demand that is no shadow was allowed. Otherwise nothing was taken from any meter. */
  readonly admitted: boolean;
  readonly outcomes: readonly Outcome[];
}

/** Counts requests. `testing.ts` has the suite that every store passes. */
export interface LimitStore {
  /** All or nothing; see {@link Verdict}. */
  take(demands: readonly Demand[]): Verdict | Promise<Verdict>;
  /** Takes what was found out later, also where it is not there any more: below zero if it must. */
  debit(charges: readonly Charge[]): void | Promise<void>;
}
