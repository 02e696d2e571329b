import { createThreadMetrics } from './data-plane-metrics.ts';
import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';
import { MetricsCollector } from './metrics-collector.ts';
import { renderThreadFamilies } from './metrics-text.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

/** Threads and the control side in one process; messages wait until they are delivered. For tests. */
export class MetricsBench {
  nowMs = 0;
  readonly collector: MetricsCollector;
  readonly threads: ThreadMetrics[];
  readonly toControl: { threadId: number; message: ObserveThreadMessage }[] = [];
  readonly toThread: { threadId: number; message: ObserveControlMessage }[] = [];

  constructor(threadCount: number) {
    this.collector = new MetricsCollector({
      send: (threadId, message) => this.toThread.push({ threadId, message }),
      now: () => this.nowMs,
    });
    this.threads = Array.from({ length: threadCount }, (_, threadId) =>
      createThreadMetrics({ announce: (message) => this.toControl.push({ threadId, message }) }),
    );
  }

  /** Until nothing is under way in either direction. */
  async deliver(): Promise<void> {
    do {
      await Promise.resolve();
      this.deliverToControl();
      this.deliverToThreads();
      await Promise.resolve();
    } while (this.toControl.length + this.toThread.length > 0);
  }

  deliverToControl(): void {
    for (const { threadId, message } of this.toControl.splice(0)) this.collector.receive(threadId, message);
  }

  deliverToThreads(): void {
    for (const { threadId, message } of this.toThread.splice(0)) this.threads[threadId]!.receive(message);
  }

  /** Values by `name{labels}`. */
  async scrape(): Promise<ReadonlyMap<string, number>> {
    const text = (await renderThreadFamilies(this.collector)).toString();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  close(): void {
    for (const thread of this.threads) thread.close();
  }
}
