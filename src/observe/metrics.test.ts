import { afterEach, describe, expect, it } from 'vitest';
import { methodId, NONE } from './labels.ts';
import { MetricsBench } from './testing.ts';

const GET = methodId('GET');
let bench: MetricsBench;
afterEach(() => bench.close());

describe('counters of the data plane', () => {
  it('are summed over the threads', async () => {
    bench = new MetricsBench(2);
    for (const thread of bench.threads) {
      const route = thread.route('/users/{id}', 'users.shop');
      route.count(GET, 200, 3);
      route.count(GET, 200, 70);
      route.count(methodId('POST'), 503, 0.2);
    }
    await bench.deliver();
    const values = await bench.scrape();
    const labels = 'method="GET",path="/users/{id}"';
    expect(values.get(`gateway_requests_total{${labels},status="200",service="users.shop"}`)).toBe(4);
    expect(
      values.get(
        'gateway_requests_total{method="POST",path="/users/{id}",status="503",service="users.shop"}',
      ),
    ).toBe(2);
    const bucket = (le: string) =>
      values.get(`gateway_request_duration_ms_bucket{le="${le}",${labels},service="users.shop"}`);
    expect([bucket('2.5'), bucket('5'), bucket('50'), bucket('100'), bucket('+Inf')]).toEqual([
      0, 2, 2, 4, 4,
    ]);
    expect(values.get(`gateway_request_duration_ms_sum{${labels},service="users.shop"}`)).toBe(146);
    expect(values.get(`gateway_request_duration_ms_count{${labels},service="users.shop"}`)).toBe(4);
  });

  it('put a duration on a bound into that bucket, and what is no time into the first', async () => {
    bench = new MetricsBench(1);
    const route = bench.threads[0]!.route('/', 's');
    for (const ms of [0.5, Number.NaN, -1, 60_000, 60_001]) route.count(GET, 200, ms);
    await bench.deliver();
    const values = await bench.scrape();
    const bucket = (le: string) =>
      values.get(`gateway_request_duration_ms_bucket{le="${le}",method="GET",path="/",service="s"}`);
    expect([bucket('0.5'), bucket('30000'), bucket('60000'), bucket('+Inf')]).toEqual([3, 3, 4, 5]);
    expect(values.get('gateway_request_duration_ms_sum{method="GET",path="/",service="s"}')).toBe(120_001.5);
  });

  it('give no client a way to make series: unknown methods, no status, unmatched paths', async () => {
    bench = new MetricsBench(1);
    const thread = bench.threads[0]!;
    for (const method of ['get', 'BREW', '__proto__', 'X'.repeat(1_000)]) {
      thread.unmatched.count(methodId(method), 404, 1);
    }
    thread.unmatched.count(GET, 0, 1);
    await bench.deliver();
    const requests = [...(await bench.scrape())].filter(([key]) => key.startsWith('gateway_requests_total'));
    expect(requests).toEqual([
      [`gateway_requests_total{method="OTHER",path="${NONE}",status="404",service="${NONE}"}`, 4],
      [`gateway_requests_total{method="GET",path="${NONE}",status="499",service="${NONE}"}`, 1],
    ]);
  });

  it('count by class when a backend answers with every status there is', async () => {
    bench = new MetricsBench(1);
    const route = bench.threads[0]!.route('/', 's');
    const upstream = bench.threads[0]!.upstream('s');
    for (let round = 0; round < 2; round += 1) {
      for (let status = 100; status < 600; status += 1) {
        route.count(GET, status, 1);
        upstream.status(status);
      }
    }
    await bench.deliver();
    const values = await bench.scrape();
    for (const name of ['gateway_requests_total', 'gateway_upstream_status_total']) {
      const series = [...values].filter(([key]) => key.startsWith(name));
      expect(series.length).toBeLessThanOrEqual(64 + 5);
      expect(series.reduce((sum, [, value]) => sum + value, 0)).toBe(1_000);
    }
    expect(values.get('gateway_requests_total{method="GET",path="/",status="5xx",service="s"}')).toBe(200);
  });

  it('escape label values', async () => {
    bench = new MetricsBench(1);
    bench.threads[0]!.route('^/a"b\\d\n{x="1"}$', 's').count(GET, 200, 1);
    await bench.deliver();
    const expected =
      'gateway_requests_total{method="GET",path="^/a\\"b\\\\d\\n{x=\\"1\\"}$",status="200",service="s"}';
    expect((await bench.scrape()).get(expected)).toBe(1);
  });

  it('start at 0 where the labels are known, and cover connections, limits, errors and upstreams', async () => {
    bench = new MetricsBench(2);
    for (const thread of bench.threads) {
      thread.rateLimitHits('apiKey').add(0);
      thread.listener('http').connectionsOpen.add(3);
      thread.listener('http').connectionsOpen.add(-1);
      thread.error('connectFailed', 'upstream');
      thread.error('connectFailed', 'upstream');
      thread.upstream('s').connectionsIdle.set(5);
      thread.setGeneration(7);
    }
    await bench.deliver();
    const values = await bench.scrape();
    expect(values.get('gateway_rate_limit_hits_total{limiter_type="apiKey"}')).toBe(0);
    expect(values.get('gateway_cache_hits_total')).toBe(0);
    expect(values.get('gateway_connections_open{listener="http"}')).toBe(4);
    expect(values.get('gateway_errors_total{code="connectFailed",origin="upstream"}')).toBe(4);
    expect(values.get('gateway_upstream_connections_idle{service="s"}')).toBe(10);
    expect(values.get('gateway_thread_config_generation{thread="0"}')).toBe(7);
    expect(values.get('gateway_thread_config_generation{thread="1"}')).toBe(7);
    expect(values.get('gateway_thread_heap_used_bytes{thread="1"}')).toBeGreaterThan(1e6);
  });

  it('stay when a thread dies, but its gauges go', async () => {
    bench = new MetricsBench(2);
    for (const thread of bench.threads) {
      thread.route('/', 's').count(GET, 200, 1);
      thread.requestsInFlight.add(1);
    }
    await bench.deliver();
    bench.collector.removeThread(0);
    const values = await bench.scrape();
    expect(values.get('gateway_requests_total{method="GET",path="/",status="200",service="s"}')).toBe(2);
    expect(values.get('gateway_request_duration_ms_count{method="GET",path="/",service="s"}')).toBe(2);
    expect(values.get('gateway_requests_in_flight')).toBe(1);
    expect(values.has('gateway_thread_config_generation{thread="0"}')).toBe(false);
  });
});
