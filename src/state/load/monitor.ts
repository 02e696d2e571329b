import type { Governor, LoadReading } from './governor.ts';

/** Where the pressure of the thread is shown. */
export interface PressureGauge {
  set(pressure: number): void;
}

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
  /** Each with who is told how hard all of them together turn requests away. */
  readonly #governors = new Map<Governor, PressureGauge>();
  #timer: NodeJS.Timeout | null = null;
  #expectedMs = 0;
  #windowFromMs = 0;
  #samples = 0;
  #leastMs = Number.POSITIVE_INFINITY;
  #memoryBytes = 0;
  #memoryAtMs = Number.NEGATIVE_INFINITY;

  add(governor: Governor, gauge: PressureGauge): void {
    this.#governors.set(governor, gauge);
    this.#tell();
    if (this.#timer !== null) return;
    this.#beginWindow(performance.now());
    this.#expect();
  }

  remove(governor: Governor): void {
    const gauge = this.#governors.get(governor);
    this.#governors.delete(governor);
    if (this.#governors.size === 0) gauge?.set(0);
    else this.#tell();
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
      for (const governor of this.#governors.keys()) governor.update(reading);
      this.#tell();
      this.#beginWindow(nowMs);
    }
    this.#expect();
  }

  /** Policies may have different targets: the one that turns away most counts. */
  #tell(): void {
    let most = 0;
    for (const { pressure } of this.#governors.keys()) most = Math.max(most, pressure);
    for (const gauge of this.#governors.values()) gauge.set(most);
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
