import { performance } from 'node:perf_hooks';

/**
 * Deadlines for tens of thousands of connections without a timer object for each.
 *
 * A node may be re-armed on every request: that only writes a number. The wheel looks at a node when the
 * slot in which it was filed comes round, and files it again if its deadline has moved on since. A deadline
 * that moves closer than the filed slot is filed again at once. Resolution is one tick; deadlines fire late
 * by at most two, never early.
 */

const TICK_MS = 10;
const SLOTS = 1024;

/** Something with a deadline. Intrusive: a node is in at most one wheel. */
export abstract class WheelNode {
  /** Milliseconds of the wheel's clock; 0: not armed. */
  deadlineMs = 0;
  /** Tick at which the wheel will look at it; 0: not filed. */
  filedTick = 0;
  previous: WheelNode | null = null;
  next: WheelNode | null = null;
  abstract onDeadline(): void;
}

class Slot extends WheelNode {
  onDeadline(): void {
    throw new Error('a slot has no deadline');
  }
}

export class Wheel {
  /** The time as of the last tick or `touch()`, in milliseconds of `performance.now()`. */
  nowMs: number = performance.now();
  /** From {@link nowMs} to milliseconds since 1970; looked up anew at every tick, for the clock may be set. */
  #sinceEpochMs = Date.now() - this.nowMs;
  readonly #slots: Slot[] = [];
  #tick: number;
  #filed = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor() {
    for (let i = 0; i < SLOTS; i++) {
      const slot = new Slot();
      slot.next = slot;
      slot.previous = slot;
      this.#slots.push(slot);
    }
    this.#tick = Math.floor(this.nowMs / TICK_MS);
  }

  /** Reads the clock: once for every read of a socket and whenever a promise is through; all else takes `nowMs`. */
  touch(): number {
    this.nowMs = performance.now();
    return this.nowMs;
  }

  /** Whole milliseconds since 1970, as of {@link nowMs}. */
  get epochMs(): number {
    return Math.floor(this.nowMs + this.#sinceEpochMs);
  }

  /** Arms `node` for `delayMs` from `nowMs`, whatever it was armed for before. */
  arm(node: WheelNode, delayMs: number): void {
    node.deadlineMs = this.nowMs + delayMs;
    const tick = Math.ceil(node.deadlineMs / TICK_MS) + 1;
    if (node.filedTick !== 0 && node.filedTick <= tick) return;
    if (node.filedTick !== 0) this.#unlink(node);
    this.#file(node, tick);
  }

  /** Leaves the node filed: most are armed again within the same round. */
  disarm(node: WheelNode): void {
    node.deadlineMs = 0;
  }

  /** Takes the node out for good. */
  remove(node: WheelNode): void {
    node.deadlineMs = 0;
    if (node.filedTick !== 0) this.#unlink(node);
    if (this.#filed === 0) this.#stop();
  }

  #file(node: WheelNode, tick: number): void {
    if (this.#timer === null) this.#start();
    const at = Math.min(Math.max(tick, this.#tick + 1), this.#tick + SLOTS - 1);
    const slot = this.#slots[at % SLOTS]!;
    node.filedTick = at;
    node.previous = slot.previous;
    node.next = slot;
    slot.previous!.next = node;
    slot.previous = node;
    this.#filed++;
  }

  #unlink(node: WheelNode): void {
    node.previous!.next = node.next;
    node.next!.previous = node.previous;
    node.previous = null;
    node.next = null;
    node.filedTick = 0;
    this.#filed--;
  }

  #start(): void {
    // The wheel stood still while it was empty: nothing is filed in the slots that it skips.
    this.#tick = Math.floor(this.touch() / TICK_MS);
    this.#sinceEpochMs = Date.now() - this.nowMs;
    this.#timer = setInterval(() => this.#advance(), TICK_MS * 2);
    this.#timer.unref();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #advance(): void {
    const target = Math.floor(this.touch() / TICK_MS);
    this.#sinceEpochMs = Date.now() - this.nowMs;
    // After a stall longer than one round every slot is visited once.
    if (target - this.#tick > SLOTS) this.#tick = target - SLOTS;
    while (this.#tick < target) {
      this.#tick++;
      this.#visit(this.#slots[this.#tick % SLOTS]!);
    }
    if (this.#filed === 0) this.#stop();
  }

  /** Takes nodes from the head: a handler may add or remove any, and none is ever filed in the slot being visited. */
  #visit(slot: Slot): void {
    for (let node = slot.next!; node !== slot; node = slot.next!) {
      this.#unlink(node);
      if (node.deadlineMs === 0) continue;
      if (node.deadlineMs > this.nowMs) {
        this.#file(node, Math.ceil(node.deadlineMs / TICK_MS) + 1);
        continue;
      }
      node.deadlineMs = 0;
      node.onDeadline();
    }
  }
}
