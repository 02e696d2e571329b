import { type WindowUnit, windowEndMs } from './window.ts';

/**
 * A token bucket as its theoretical arrival time (GCRA): one number, the moment at which it is full again. Time runs in
 * ticks, of which a token is a whole number, so that sums are exact: a full bucket of N admits N at once, never N ± 1.
 */
export interface BucketMeter {
  readonly kind: 'bucket';
  /** Unlike that of any other meter. */
  readonly id: string;
  readonly capacity: number;
  readonly ratePerSecond: number;
  readonly ticksPerToken: number;
  readonly ticksPerMs: number;
}

/** A number of tokens for each window of the calendar (UTC). */
export interface WindowMeter {
  readonly kind: 'window';
  readonly id: string;
  readonly unit: WindowUnit;
  readonly limit: number;
}

export type Meter = BucketMeter | WindowMeter;

/** 28 years of ticks fit into the 53 bits of a double. */
const MAX_TICKS_PER_SECOND = 1e7;
const MAX_TICKS_PER_TOKEN = 1e9;

/** @param owner tells this limit from all others. Its numbers go into the id: a changed bucket starts full. */
export function bucketMeter(owner: string, capacity: number, ratePerSecond: number): BucketMeter {
  const fits = Math.min(MAX_TICKS_PER_TOKEN, MAX_TICKS_PER_SECOND / ratePerSecond, 2 ** 52 / capacity);
  const ticksPerToken = Math.max(1, Math.floor(fits));
  const id = `${owner}/${capacity}/${ratePerSecond}`;
  const ticksPerMs = (ticksPerToken * ratePerSecond) / 1000;
  return { kind: 'bucket', id, capacity, ratePerSecond, ticksPerToken, ticksPerMs };
}

/** A changed limit goes on with what was counted. */
export function windowMeter(owner: string, unit: WindowUnit, limit: number): WindowMeter {
  return { kind: 'window', id: `${owner}/${unit}`, unit, limit };
}

/** What is kept of one key. A fresh one is all zeros. */
export interface MeterState {
  /** Bucket: ticks at which it is full. Window: tokens taken. */
  value: number;
  /** From then on it is like a fresh one. */
  idleAtMs: number;
  /** Until then it refuses a request of one token. */
  deniesUntilMs: number;
}

/** Filled by {@link take}: an {@link Outcome} that its reader copies. */
export interface Reading {
  allowed: boolean;
  remaining: number;
  waitMs: number;
  resetMs: number;
}

/** Takes `cost` tokens if they are there; with `dry` it only tells. */
export function take(
  meter: Meter,
  state: MeterState,
  cost: number,
  nowMs: number,
  epochMs: number,
  dry: boolean,
  out: Reading,
): void {
  if (meter.kind === 'bucket') takeFromBucket(meter, state, cost, nowMs, dry, out);
  else takeFromWindow(meter, state, cost, nowMs, epochMs, dry, out);
}

/** No debt is longer than this many ticks: sums stay exact. */
const MAX_DEBT_TICKS = 2 ** 52;

/** Takes `cost` tokens, whether they are there or not: what is missing has to come back before anybody gets in. */
export function debit(meter: Meter, state: MeterState, cost: number, nowMs: number, epochMs: number): void {
  if (meter.kind === 'bucket') {
    const now = Math.floor(nowMs * meter.ticksPerMs);
    const next = Math.max(state.value, now) + cost * meter.ticksPerToken;
    state.value = Math.min(next, now + MAX_DEBT_TICKS);
    settleBucket(meter, state);
    return;
  }
  const current = nowMs < state.idleAtMs;
  state.idleAtMs = current ? state.idleAtMs : windowEndMs(meter.unit, nowMs + epochMs) - epochMs;
  state.value = (current ? state.value : 0) + cost;
  state.deniesUntilMs = state.value >= meter.limit ? state.idleAtMs : 0;
}

/** Gives back what {@link take} took, as far as time has not done so. */
export function giveBack(meter: Meter, state: MeterState, cost: number, nowMs: number): void {
  if (meter.kind === 'bucket') {
    state.value -= cost * meter.ticksPerToken;
    settleBucket(meter, state);
  } else if (nowMs < state.idleAtMs) {
    state.value = Math.max(0, state.value - cost);
    state.deniesUntilMs = state.value >= meter.limit ? state.idleAtMs : 0;
  }
}

function takeFromBucket(
  meter: BucketMeter,
  state: MeterState,
  cost: number,
  nowMs: number,
  dry: boolean,
  out: Reading,
): void {
  const { capacity, ticksPerToken, ticksPerMs } = meter;
  const now = Math.floor(nowMs * ticksPerMs);
  const full = Math.max(state.value, now);
  const next = full + cost * ticksPerToken;
  const last = now + capacity * ticksPerToken;
  const allowed = next <= last;
  const taken = allowed && !dry;
  const after = taken ? next : full;
  if (taken) {
    state.value = next;
    settleBucket(meter, state);
  }
  out.allowed = allowed;
  out.remaining = Math.max(0, Math.floor((last - after) / ticksPerToken));
  out.resetMs = Math.max(0, after / ticksPerMs - nowMs);
  if (allowed) out.waitMs = 0;
  else if (cost > capacity) out.waitMs = Number.POSITIVE_INFINITY;
  else out.waitMs = Math.max(0, (next - capacity * ticksPerToken) / ticksPerMs - nowMs);
}

function settleBucket({ capacity, ticksPerToken, ticksPerMs }: BucketMeter, state: MeterState): void {
  state.idleAtMs = state.value / ticksPerMs;
  state.deniesUntilMs = (state.value + ticksPerToken - capacity * ticksPerToken) / ticksPerMs;
}

function takeFromWindow(
  meter: WindowMeter,
  state: MeterState,
  cost: number,
  nowMs: number,
  epochMs: number,
  dry: boolean,
  out: Reading,
): void {
  const { limit, unit } = meter;
  const current = nowMs < state.idleAtMs;
  const taken = current ? state.value : 0;
  const endMs = current ? state.idleAtMs : windowEndMs(unit, nowMs + epochMs) - epochMs;
  const allowed = taken + cost <= limit;
  const after = allowed && !dry ? taken + cost : taken;
  if (allowed && !dry) {
    state.value = after;
    state.idleAtMs = endMs;
    state.deniesUntilMs = after >= limit ? endMs : 0;
  }
  out.allowed = allowed;
  out.remaining = Math.max(0, limit - after);
  out.resetMs = endMs - nowMs;
  out.waitMs = allowed ? 0 : cost > limit ? Number.POSITIVE_INFINITY : endMs - nowMs;
}
