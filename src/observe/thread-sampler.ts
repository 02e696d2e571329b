import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Gauge } from './thread-metrics.ts';

const INTERVAL_MS = 5_000;
/** The histogram records the time between its ticks, so the undisturbed value is this, not 0. */
const RESOLUTION_MS = 20;

export interface ThreadGauges {
  readonly delayP99Ms: Gauge;
  readonly utilization: Gauge;
  readonly heapUsedBytes: Gauge;
}

/** Writes how the calling thread fares every five seconds; the returned function ends that. */
export function sampleThread(gauges: ThreadGauges): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let last = performance.eventLoopUtilization();
  const sample = () => {
    gauges.delayP99Ms.set(Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS));
    delay.reset();
    const now = performance.eventLoopUtilization();
    gauges.utilization.set(performance.eventLoopUtilization(now, last).utilization);
    last = now;
    gauges.heapUsedBytes.set(getHeapStatistics().used_heap_size);
  };
  gauges.heapUsedBytes.set(getHeapStatistics().used_heap_size);
  const timer = setInterval(sample, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
