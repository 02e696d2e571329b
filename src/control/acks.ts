import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledgement, AckPage } from '../ir/acks.ts';
import type { BindFailure } from '../ir/messages.ts';
import { type ObjectRef, objectKey } from '../ir/origin.ts';
import type { ResourceChange } from '../sources/source.ts';
import { mergeChanges } from './changes.ts';

/** Those who serve what is published: the threads of this replica, and the data planes that follow it. */
export interface Audience {
  /** Whether there is anyone at all. */
  readonly attended: boolean;
  /** The last generation that all of them serve. */
  readonly applied: number;
  /** Resolves when all of them serve that generation or a later one. */
  programmed(generation: number): Promise<void>;
  threads(): readonly { readonly failures: readonly BindFailure[] }[];
}

/** More changes than these wait together: someone has not acknowledged for long, or is not there at all. */
const MAX_WAITING = 64;

interface Waiting {
  readonly generation: number;
  readonly change: ResourceChange;
}

interface Entry extends Acknowledgement {
  readonly cursor: number;
}

/**
 * Which version of each object everyone serves who is told by this replica: its threads, and the data planes that follow
 * it. It is told by what was published and by what they acknowledge, and asked by whoever writes the status: here, or over
 * `/acks`.
 */
export class AckLog {
  readonly epoch = randomUUID();
  readonly #audience: Audience;
  readonly #counts: (ref: ObjectRef) => boolean;
  /** In the order of their cursors. */
  readonly #entries = new Map<string, Entry>();
  #waiting: Waiting[] = [];
  #following = false;
  #cursor = 0;
  #failures = new Map<string, string>();
  readonly #listeners = new Set<() => void>();

  /** `counts`: which objects anyone will ask for. */
  constructor(audience: Audience, counts: (ref: ObjectRef) => boolean) {
    this.#audience = audience;
    this.#counts = counts;
  }

  /** The first one of the audience has come, or the last one has gone: whoever asks is to know. */
  attendanceChanged(): void {
    this.#cursor += 1;
    this.#tell();
  }

  published(generation: number, { upsert, remove, findings }: ResourceChange): void {
    const counted = upsert.filter(({ ref }) => this.#counts(ref));
    const removed = remove.filter(this.#counts);
    if (counted.length === 0 && removed.length === 0 && this.#audience.applied >= generation) return;
    const change = { upsert: counted, remove: removed, findings };
    const last = this.#waiting.length >= MAX_WAITING ? this.#waiting.pop() : undefined;
    this.#waiting.push({
      generation,
      change: last === undefined ? change : mergeChanges([last.change, change]),
    });
    if (!this.#following) void this.#follow();
  }

  /** What is new since a cursor of this epoch; everything for any other epoch. */
  since(epoch: string, cursor: number): AckPage {
    const from = epoch === this.epoch && cursor <= this.#cursor ? cursor : 0;
    const acks: Acknowledgement[] = [];
    for (const { cursor: at, ...ack } of this.#entries.values()) if (at > from) acks.push(ack);
    return { epoch: this.epoch, cursor: this.#cursor, attended: this.#audience.attended, acks };
  }

  /** As {@link since}, but waits so long for something new. */
  async wait(epoch: string, cursor: number, waitMs: number): Promise<AckPage> {
    if (epoch === this.epoch && cursor === this.#cursor) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await Promise.race([promise, sleep(waitMs, undefined, { ref: false })]);
      this.#listeners.delete(resolve);
    }
    return this.since(epoch, cursor);
  }

  /** One generation after the other: what the threads have acknowledged together is taken together. */
  async #follow(): Promise<void> {
    this.#following = true;
    while (this.#waiting.length > 0) {
      await this.#audience.programmed(this.#waiting[0]!.generation);
      const { applied } = this.#audience;
      const done = this.#waiting.filter((one) => one.generation <= applied);
      this.#waiting = this.#waiting.filter((one) => one.generation > applied);
      this.#take(done);
    }
    this.#following = false;
  }

  #take(done: readonly Waiting[]): void {
    const before = this.#failures;
    this.#failures = this.#currentFailures();
    for (const { change } of done) {
      for (const ref of change.remove) this.#entries.delete(objectKey(ref));
      for (const { ref, version } of change.upsert) this.#put(objectKey(ref), version);
    }
    for (const key of [...before.keys(), ...this.#failures.keys()]) {
      const entry = this.#entries.get(key);
      if (entry !== undefined && entry.failure !== (this.#failures.get(key) ?? null))
        this.#put(key, entry.version);
    }
    this.#tell();
  }

  #tell(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #put(key: string, version: string): void {
    this.#cursor += 1;
    this.#entries.delete(key);
    this.#entries.set(key, { key, version, failure: this.#failures.get(key) ?? null, cursor: this.#cursor });
  }

  #currentFailures(): Map<string, string> {
    const failures = new Map<string, string>();
    for (const thread of this.#audience.threads()) {
      for (const { objectKey: key, origin, message } of thread.failures) {
        failures.set(key, `${origin.fieldPath}: ${message}`);
      }
    }
    return failures;
  }
}
