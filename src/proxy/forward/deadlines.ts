import { type Wheel, WheelNode } from '../wheel.ts';

/** Who is told when time is up. */
export interface DeadlineOwner {
  onRequestTimeout(): void;
  onTryTimeout(): void;
  onRetryDue(): void;
  onHedgeDue(): void;
  onIdle(): void;
}

/** The deadlines of one forwarded request: one node of the wheel, armed for the nearest. 0: not set. */
export class Deadlines extends WheelNode {
  requestAtMs = 0;
  tryAtMs = 0;
  retryAtMs = 0;
  hedgeAtMs = 0;
  /** How long nothing may move, in either direction. */
  idleMs = 0;
  lastActivityMs = 0;
  readonly #owner: DeadlineOwner;
  #wheel: Wheel | null = null;

  constructor(owner: DeadlineOwner) {
    super();
    this.#owner = owner;
  }

  get running(): boolean {
    return this.#wheel !== null;
  }

  begin(wheel: Wheel): void {
    this.#wheel = wheel;
    this.requestAtMs = 0;
    this.tryAtMs = 0;
    this.retryAtMs = 0;
    this.hedgeAtMs = 0;
    this.idleMs = 0;
    this.lastActivityMs = wheel.nowMs;
  }

  /** Something moved. The node is not filed again for it: it looks when its old deadline comes. */
  moved(nowMs: number): void {
    this.lastActivityMs = nowMs;
  }

  /** After a change of the fields. */
  arm(): void {
    const wheel = this.#wheel;
    if (wheel === null) return;
    let at = this.idleMs === 0 ? Number.POSITIVE_INFINITY : this.lastActivityMs + this.idleMs;
    if (this.requestAtMs !== 0) at = Math.min(at, this.requestAtMs);
    if (this.tryAtMs !== 0) at = Math.min(at, this.tryAtMs);
    if (this.retryAtMs !== 0) at = Math.min(at, this.retryAtMs);
    if (this.hedgeAtMs !== 0) at = Math.min(at, this.hedgeAtMs);
    if (at === Number.POSITIVE_INFINITY) wheel.disarm(this);
    else wheel.arm(this, Math.max(1, at - wheel.nowMs));
  }

  end(): void {
    this.#wheel?.disarm(this);
    this.#wheel = null;
  }

  onDeadline(): void {
    const wheel = this.#wheel;
    if (wheel === null) return;
    const now = wheel.nowMs;
    if (this.requestAtMs !== 0 && now >= this.requestAtMs) {
      this.#owner.onRequestTimeout();
    } else if (this.retryAtMs !== 0 && now >= this.retryAtMs) {
      this.retryAtMs = 0;
      this.#owner.onRetryDue();
      this.arm();
    } else if (this.hedgeAtMs !== 0 && now >= this.hedgeAtMs) {
      this.hedgeAtMs = 0;
      this.#owner.onHedgeDue();
      this.arm();
    } else if (this.tryAtMs !== 0 && now >= this.tryAtMs) {
      this.tryAtMs = 0;
      this.#owner.onTryTimeout();
      this.arm();
    } else if (this.idleMs !== 0 && now - this.lastActivityMs >= this.idleMs) {
      this.#owner.onIdle();
    } else {
      this.arm();
    }
  }
}
