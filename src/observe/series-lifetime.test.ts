import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { methodId } from './labels.ts';
import { SeriesAllocator } from './series-allocator.ts';
import { MetricsBench } from './testing.ts';
import { seriesOf, World } from './testing-world.ts';
import type { RouteMetrics } from './thread-metrics.ts';

const GET = methodId('GET');

describe('series of routes that come and go', () => {
  it('leave after they were scraped and a minute, and not before', async () => {
    const bench = new MetricsBench(2);
    const routes = bench.threads.map((thread) => thread.route('/a', 's'));
    for (const route of routes) route.count(GET, 200, 1);
    await bench.deliver();
    routes[0]!.release();
    await bench.deliver();
    await bench.scrape();
    bench.nowMs += 1e9;
    bench.collector.sweep();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(2);
    routes[1]!.release();
    await bench.deliver();
    bench.nowMs += 61_000;
    bench.collector.sweep();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(2);
    bench.collector.sweep();
    await bench.deliver();
    expect((await bench.scrape()).has(seriesOf('/a'))).toBe(false);
    bench.close();
  });

  it('stay whole when they are taken again while the question whether they may go is under way', async () => {
    const bench = new MetricsBench(2);
    const routes = bench.threads.map((thread) => thread.route('/a', 's'));
    for (const route of routes) {
      route.count(GET, 200, 1);
      route.release();
    }
    await bench.deliver();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(2);
    bench.nowMs += 61_000;
    bench.threads[0]!.route('/a', 's').count(GET, 200, 1);
    bench.collector.sweep();
    await bench.deliver();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(3);
    bench.threads[1]!.route('/a', 's').count(GET, 200, 1);
    await bench.deliver();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(4);
    bench.close();
  });

  it('go one by one when another thread still uses some, and begin anew when they come back', async () => {
    const bench = new MetricsBench(2);
    const settle = async () => {
      await bench.deliver();
      await bench.scrape();
      bench.nowMs += 301_000;
      bench.collector.sweep();
      await bench.deliver();
    };
    const [first, second] = bench.threads.map((thread) => thread.route('/a', 's'));
    for (let i = 0; i < 5; i += 1) first!.count(GET, 200, 1);
    for (const route of [first, second]) route!.count(GET, 404, 1);
    await settle();
    first!.release();
    await settle();
    expect((await bench.scrape()).has(seriesOf('/a'))).toBe(false);
    expect((await bench.scrape()).get(seriesOf('/a', 404))).toBe(2);
    second!.count(GET, 200, 1);
    await settle();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(1);
    bench.threads[0]!.route('/a', 's');
    await settle();
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(1);
    first!.count(GET, 200, 1);
    first!.count(GET, 404, 1);
    expect((await bench.scrape()).get(seriesOf('/a'))).toBe(2);
    expect((await bench.scrape()).get(seriesOf('/a', 404))).toBe(3);
    bench.close();
  });

  it('leave without a scrape after five minutes', async () => {
    const bench = new MetricsBench(1);
    await bench.deliver();
    const before = bench.collector.size;
    const route = bench.threads[0]!.route('/a', 's');
    route.count(GET, 200, 1);
    route.release();
    await bench.deliver();
    expect(bench.collector.size).toBeGreaterThan(before);
    bench.nowMs += 301_000;
    bench.collector.sweep();
    await bench.deliver();
    expect(bench.collector.size).toBe(before);
    bench.close();
  });

  it('write nothing into the series that got their memory', async () => {
    const bench = new MetricsBench(1);
    const [thread] = bench.threads;
    const old = thread!.route('/old', 's');
    const oldUpstream = thread!.upstream('old');
    old.count(GET, 200, 1);
    oldUpstream.status(200);
    old.release();
    oldUpstream.release();
    await bench.deliver();
    bench.nowMs += 1e9;
    bench.collector.sweep();
    await bench.deliver();
    const young = thread!.route('/young', 's');
    young.count(GET, 200, 1);
    thread!.upstream('young').status(200);
    old.count(GET, 200, 1);
    old.count(GET, 404, 1);
    old.release();
    oldUpstream.status(200);
    oldUpstream.status(404);
    oldUpstream.connectionsOpen.add(-1);
    oldUpstream.connectFailures.add(1);
    await bench.deliver();
    const values = await bench.scrape();
    expect(values.get(seriesOf('/young'))).toBe(1);
    expect(values.get('gateway_upstream_status_total{service="young",status="200"}')).toBe(1);
    expect(values.get('gateway_upstream_connections_open{service="young"}')).toBe(0);
    expect(values.get('gateway_upstream_connect_failures_total{service="young"}')).toBe(0);
    expect([...values.keys()].filter((key) => key.includes('old'))).toEqual([]);
    bench.close();
  });

  it('take no more memory after 1,000 rounds of create and delete', async () => {
    const bench = new MetricsBench(1);
    await bench.deliver();
    const baseline = bench.collector.size;
    let pages = 0;
    for (let round = 0; round < 1_000; round += 1) {
      const made: RouteMetrics[] = [];
      for (let i = 0; i < 30; i += 1) {
        const route = bench.threads[0]!.route(`/round-${round}/${i}`, `service-${round}`);
        route.count(GET, 200, 1);
        made.push(route);
      }
      for (const route of made) route.release();
      await Promise.resolve();
      await Promise.resolve();
      if (round >= 1) pages += bench.toControl.filter(({ message }) => message.type === 'metricsPage').length;
      await bench.deliver();
      bench.nowMs += 301_000;
      bench.collector.sweep();
      await bench.deliver();
    }
    expect(pages).toBe(0);
    expect(bench.collector.size).toBe(baseline);
    bench.close();
  });

  it('never go backwards while in use, and never count double, whatever the order of messages', async () => {
    const step = fc.oneof(
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('take' as const), thread: fc.nat(1), path: fc.nat(1) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('give' as const), thread: fc.nat(1), path: fc.nat(1) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('count' as const),
          thread: fc.nat(1),
          path: fc.nat(1),
          status: fc.constantFrom(200, 404),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constantFrom(
            'settle',
            'settle',
            'toControl',
            'toThreads',
            'scrape',
            'sweep',
            'sweep' as const,
          ),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200 }), async (steps) => {
        const world = new World();
        for (const one of steps) await world.run(one);
        await world.end();
      }),
      { numRuns: 300 },
    );
  });

  it('are refused at the limit, counted, and never overwrite one another', async () => {
    const sent: unknown[] = [];
    const allocator = new SeriesAllocator((message) => sent.push(message), 1);
    const group = { series: [], retired: false, freed() {} };
    allocator.reserveRefusals(group);
    const places = Array.from({ length: 9_000 }, (_, i) =>
      allocator.allocate(group, 'errors', [String(i), 'x']),
    );
    for (const place of places) place.cells[place.slot] = 1;
    const { series } = group as { series: { cells: Float64Array; slot: number }[] };
    const counter = series[0]!;
    expect(counter.cells[counter.slot]).toBe(9_000 - 8_191);
    expect(allocator.allocatedBytes).toBe(65_536);
    await Promise.resolve();
    expect(sent).toHaveLength(2);
  });
});
