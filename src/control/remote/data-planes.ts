import type { BindFailure } from '../../ir/messages.ts';
import type { Audience } from '../acks.ts';
import type { Publisher } from '../publisher.ts';

/** A data plane as the controller knows it. */
export interface DataPlane {
  readonly name: string;
  readonly connected: boolean;
  /** Last generation that all its threads serve; 0: none of this controller's. */
  readonly generation: number;
  readonly failures: readonly BindFailure[];
}

interface Entry {
  readonly name: string;
  connected: boolean;
  generation: number;
  failures: readonly BindFailure[];
  forgetTimer: NodeJS.Timeout | null;
}

/**
 * One that is lost without a word may still serve: for so long, what it has not acknowledged is not served everywhere.
 * It has come back by then, or is away for longer than a rollout should wait.
 */
const FORGET_MS = 30_000;

/** The data planes that follow this controller, and together with its own threads: who has to acknowledge a generation. */
export class DataPlanes implements Audience {
  readonly #own: Publisher;
  readonly #forgetMs: number;
  readonly #onAttendance: () => void;
  /** By instance. */
  readonly #entries = new Map<string, Entry>();
  #waiters: { readonly generation: number; readonly resolve: () => void }[] = [];

  /** `onAttendance`: the first data plane has come, or the last one has gone. */
  constructor(own: Publisher, forgetMs = FORGET_MS, onAttendance: () => void = () => {}) {
    this.#own = own;
    this.#forgetMs = forgetMs;
    this.#onAttendance = onAttendance;
  }

  get attended(): boolean {
    return this.#own.attended || this.#entries.size > 0;
  }

  /** 0 as long as nobody serves at all. */
  get applied(): number {
    return Math.min(this.#own.applied, this.#followed);
  }

  async programmed(generation: number): Promise<void> {
    await this.#own.programmed(generation);
    if (this.#followed >= generation) return;
    await new Promise<void>((resolve) => this.#waiters.push({ generation, resolve }));
  }

  threads(): readonly { readonly failures: readonly BindFailure[] }[] {
    return [...this.#own.threads(), ...this.#entries.values()];
  }

  list(): readonly DataPlane[] {
    return [...this.#entries.values()];
  }

  /** One that comes back still serves what it has acknowledged before. */
  joined(instance: string, name: string): void {
    const before = this.#entries.get(instance);
    if (before?.forgetTimer) clearTimeout(before.forgetTimer);
    const { generation, failures } = before ?? { generation: 0, failures: [] };
    this.#entries.set(instance, { name, generation, failures, connected: true, forgetTimer: null });
    if (this.#entries.size === 1 && before === undefined) this.#onAttendance();
  }

  acknowledged(instance: string, generation: number, failures: readonly BindFailure[]): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined) return;
    entry.generation = generation;
    entry.failures = failures;
    this.#check();
  }

  /** `leaving`: it has said so, and serves nothing any more. */
  lost(instance: string, leaving: boolean): void {
    const entry = this.#entries.get(instance);
    if (entry === undefined) return;
    entry.connected = false;
    if (leaving) this.#forget(instance);
    else entry.forgetTimer = setTimeout(() => this.#forget(instance), this.#forgetMs).unref();
  }

  close(): void {
    for (const { forgetTimer } of this.#entries.values()) if (forgetTimer !== null) clearTimeout(forgetTimer);
  }

  /** The last generation that all data planes serve. Without any, that is ours if we have threads, else none. */
  get #followed(): number {
    if (this.#entries.size === 0) return this.#own.threads().length > 0 ? Number.POSITIVE_INFINITY : 0;
    return Math.min(...[...this.#entries.values()].map(({ generation }) => generation));
  }

  #forget(instance: string): void {
    if (!this.#entries.delete(instance)) return;
    if (this.#entries.size === 0) this.#onAttendance();
    this.#check();
  }

  #check(): void {
    const followed = this.#followed;
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ generation }) => generation > followed);
    for (const { generation, resolve } of waiting) if (generation <= followed) resolve();
  }
}
