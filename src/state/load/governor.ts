/** What is turned away first: `critical` never is. */
export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** How a thread fared in the last window of some samples. */
export interface LoadReading {
  /** The least that its event loop was late in that time: what stands in the way of every request, not one long pause. */
  readonly delayMs: number;
  /** Of the process; 0 is not known. */
  readonly memoryBytes: number;
}

export interface LoadTargets {
  readonly maxDelayMs: number;
  /** `Infinity`: no limit. */
  readonly maxMemoryBytes: number;
}

/** Windows until one class of priority is turned away as a whole, at the least excess. */
const RISE = 1 / 4;
const FALL = 1 / 10;
/** Below this share of a target it is calm. Between that and the target nothing changes. */
const CALM_SHARE = 0.5;
const CALM_MEMORY_SHARE = 0.97;
/** One for each class that can be turned away. */
const MOST = 3;

/**
 * Turns the load of a thread into shares of requests to turn away. Pressure rises while a target is exceeded, faster the more it
 * is, and falls slowly once the thread is calm: the first third of it turns away `low`, the second `normal`, the third `high`.
 */
export class Governor {
  readonly #targets: LoadTargets;
  #pressure = 0;

  constructor(targets: LoadTargets) {
    this.#targets = targets;
  }

  get pressure(): number {
    return this.#pressure;
  }

  /** Takes the next window. */
  update({ delayMs, memoryBytes }: LoadReading): void {
    const { maxDelayMs, maxMemoryBytes } = this.#targets;
    const excess = Math.max(delayMs / maxDelayMs, memoryBytes > maxMemoryBytes ? 2 : 0);
    if (excess > 1) {
      this.#pressure = Math.min(MOST, this.#pressure + RISE * Math.min(2, excess));
    } else if (delayMs < maxDelayMs * CALM_SHARE && memoryBytes <= maxMemoryBytes * CALM_MEMORY_SHARE) {
      this.#pressure = Math.max(0, this.#pressure - FALL);
    }
  }

  /** Share (0..1) of the requests of a priority to turn away now. */
  shareOf(priority: Priority): number {
    if (this.#pressure === 0 || priority === 'critical') return 0;
    const below = PRIORITIES.indexOf(priority);
    return Math.min(1, Math.max(0, this.#pressure - below));
  }
}
