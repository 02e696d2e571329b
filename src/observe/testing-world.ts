import { expect } from 'vitest';
import { methodId } from './labels.ts';
import { MetricsBench } from './testing.ts';
import type { RouteMetrics } from './thread-metrics.ts';

const GET = methodId('GET');
export const seriesOf = (pattern: string, status = 200) =>
  `gateway_requests_total{method="GET",path="${pattern}",status="${status}",service="s"}`;

interface Tally {
  /** All that was ever counted. */
  counted: number;
  /** The last value that Prometheus saw, and what its `increase` makes of all it saw. */
  last: number;
  increase: number;
  /** Threads that hold the route and have counted here since they took it. */
  writers: Set<number>;
  /** The last value seen while there were writers without a pause, and all of them were known. */
  seen: number;
}

/** Two threads and two paths beside a model that only counts. */
export class World {
  readonly bench = new MetricsBench(2);
  readonly held = new Map<string, RouteMetrics[]>();
  readonly tallies = new Map<string, Tally>();

  async run(step: { do: string; thread?: number; path?: number; status?: number }): Promise<void> {
    if (step.path !== undefined) this.use(step.do, step.thread!, step.path, step.status ?? 0);
    else if (step.do === 'settle') await this.bench.deliver();
    else if (step.do === 'scrape') await this.scrape();
    else if (step.do === 'sweep') {
      this.bench.nowMs += 301_000;
      this.bench.collector.sweep();
    } else {
      await Promise.resolve();
      if (step.do === 'toControl') this.bench.deliverToControl();
      else this.bench.deliverToThreads();
    }
  }

  use(action: string, thread: number, path: number, status: number): void {
    const key = `${thread} ${path}`;
    const routes = this.held.get(key) ?? [];
    this.held.set(key, routes);
    if (action === 'take') {
      // Twice at most: what is taken often is hardly ever given back wholly.
      if (routes.length < 2) routes.push(this.bench.threads[thread]!.route(`/${path}`, 's'));
    } else if (action === 'give' && routes.length > 0) {
      routes.pop()!.release();
      if (routes.length > 0) return;
      for (const tally of [this.tally(path, 200), this.tally(path, 404)]) {
        tally.writers.delete(thread);
        if (tally.writers.size === 0) tally.seen = 0;
      }
    } else if (action === 'count' && routes.length > 0) {
      routes[0]!.count(GET, status, 1);
      const tally = this.tally(path, status);
      tally.counted += 1;
      tally.writers.add(thread);
    }
  }

  async scrape(): Promise<void> {
    const values = await this.bench.scrape();
    for (const path of [0, 1]) {
      for (const status of [200, 404]) {
        const value = values.get(seriesOf(`/${path}`, status));
        if (value === undefined) continue;
        const tally = this.tally(path, status);
        tally.increase += value >= tally.last ? value - tally.last : value;
        tally.last = value;
        expect(tally.increase).toBeLessThanOrEqual(tally.counted);
        expect(value).toBeGreaterThanOrEqual(tally.seen);
        if (tally.writers.size > 0 && this.#allAnnounced()) tally.seen = value;
      }
    }
  }

  /** Whoever writes without the collector's knowledge can't keep it from letting a series begin anew. */
  #allAnnounced(): boolean {
    return this.bench.toControl.every(({ message }) => message.type !== 'seriesAdded');
  }

  /** What is in use still counts, and what is given back goes. */
  async end(): Promise<void> {
    await this.bench.deliver();
    await this.scrape();
    const before = await this.bench.scrape();
    for (const [key, routes] of this.held) {
      if (routes.length === 0) continue;
      this.use('count', Number(key[0]), Number(key[2]), 200);
      await this.bench.deliver();
      const series = seriesOf(`/${key[2]}`);
      expect((await this.bench.scrape()).get(series)).toBeGreaterThan(before.get(series) ?? 0);
    }
    await this.scrape();
    for (const routes of this.held.values()) for (const route of routes) route.release();
    await this.bench.deliver();
    this.bench.nowMs += 301_000;
    this.bench.collector.sweep();
    await this.bench.deliver();
    expect([...(await this.bench.scrape()).keys()].filter((key) => key.includes('path="/'))).toEqual([]);
    this.bench.close();
  }

  tally(path: number, status: number): Tally {
    const key = `${path} ${status}`;
    const tally = this.tallies.get(key) ?? {
      counted: 0,
      last: 0,
      increase: 0,
      writers: new Set<number>(),
      seen: 0,
    };
    this.tallies.set(key, tally);
    return tally;
  }
}
