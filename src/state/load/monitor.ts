import type { Governor, LoadReading } from './governor.ts';

const SAMPLE_MS = 20;
/** A window is over after so long, if there were enough samples: one long pause is none. */
const WINDOW_MS = 200;
const WINDOW_SAMPLES = 4;
const MEMORY_EVERY_MS = 1_000;

/**
 * Measures how late the event loop of this thread is while somebody asks. A timer that comes late was kept waiting by the same
 * work that keeps requests waiting.
 */
export class LoadMonitor {
  readonly #governors = new Set<Governor>();
  #timer: NodeJS.Timeout | null = null;
  #expectedMs = 0;
  #windowFromMs = 0;
  #samples = 0;
  #leastMs = Number.POSITIVE_INFINITY;
  #memoryBytes = 0;
  #memoryAtMs = Number.NEGATIVE_INFINITY;

  add(governor: Governor): void {
    this.#governors.add(governor);
    if (this.#timer !== null) return;
    this.#beginWindow(performance.now());
    this.#expect();
  }

  remove(governor: Governor): void {
    this.#governors.delete(governor);
    if (this.#governors.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #expect(): void {
    this.#expectedMs = performance.now() + SAMPLE_MS;
    this.#timer = setTimeout(() => this.#sample(), SAMPLE_MS);
    this.#timer.unref();
  }

  #sample(): void {
    const nowMs = performance.now();
    this.#leastMs = Math.min(this.#leastMs, Math.max(0, nowMs - this.#expectedMs));
    this.#samples++;
    if (nowMs - this.#windowFromMs >= WINDOW_MS && this.#samples >= WINDOW_SAMPLES) {
      const reading: LoadReading = { delayMs: this.#leastMs, memoryBytes: this.#memory(nowMs) };
      for (const governor of this.#governors) governor.update(reading);
      this.#beginWindow(nowMs);
    }
    this.#expect();
  }

  #beginWindow(nowMs: number): void {
    this.#windowFromMs = nowMs;
    this.#samples = 0;
    this.#leastMs = Number.POSITIVE_INFINITY;
  }

  #memory(nowMs: number): number {
    if (nowMs - this.#memoryAtMs >= MEMORY_EVERY_MS) {
      this.#memoryAtMs = nowMs;
      this.#memoryBytes = process.memoryUsage.rss();
    }
    return this.#memoryBytes;
  }
}

/** The thread's. */
export const loadMonitor = new LoadMonitor();
