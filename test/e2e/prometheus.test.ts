import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from '../../src/admin/server.ts';
import { sampleView } from '../../src/admin/testing.ts';
import { createThreadMetrics } from '../../src/observe/data-plane-metrics.ts';
import { methodId, NONE } from '../../src/observe/labels.ts';
import { MetricsCollector } from '../../src/observe/metrics-collector.ts';
import { createMetricsPage } from '../../src/observe/metrics-page.ts';
import type { ThreadMetrics } from '../../src/observe/thread-metrics.ts';

/** The queries that the documentation promises, as they stand there. */
const QUERIES = [
  ...readFileSync('docs/observability.md', 'utf8').matchAll(/```promql\n([\s\S]*?)\n```/g),
].map((match) => match[1]!);
const GET = methodId('GET');

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

describe.skipIf(!installed())('a real Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const threads: ThreadMetrics[] = [];
  let admin: AdminServer;
  let prometheus: ChildProcess;
  let api: string;

  beforeAll(async () => {
    admin = await startAdmin(threads);
    const port = await freePort();
    api = `http://127.0.0.1:${port}`;
    const config = join(folder, 'prometheus.yml');
    writeFileSync(
      config,
      `global: { scrape_interval: 250ms, scrape_timeout: 250ms }
scrape_configs:
- job_name: gateway
  static_configs: [{ targets: ['127.0.0.1:${admin.port}'] }]
`,
    );
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    // Every series is there from the first scrape on, as in a gateway that has been running.
    traffic(threads);
    await until(async () => (await value('count(gateway_requests_total)')).length > 0);
    for (let i = 0; i < 8; i += 1) {
      traffic(threads);
      await sleep(250);
    }
  });

  afterAll(async () => {
    if (prometheus?.exitCode === null) {
      prometheus.kill();
      await once(prometheus, 'exit');
    }
    await admin?.close();
    for (const thread of threads) thread.close();
    rmSync(folder, { recursive: true });
  });

  async function value(query: string): Promise<readonly Sample[]> {
    const reply = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => null);
    // Not ready yet is no answer; a query that does not parse is a failure.
    if (reply === null || reply.status === 503) return [];
    const body = (await reply.json()) as { status: string; error?: string; data?: { result: Sample[] } };
    expect(body.error).toBeUndefined();
    return body.data?.result ?? [];
  }

  async function number(query: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return pick(await value(query), labels);
  }

  it('computes requests per second by service', async () => {
    expect(QUERIES).toHaveLength(4);
    const samples = await value(QUERIES[0]!);
    const users = pick(samples, { service: 'users.shop' });
    const orders = pick(samples, { service: 'orders.shop' });
    expect(users).toBeGreaterThan(0);
    expect(users / orders).toBeCloseTo(3, 6);
  });

  it('computes the 99th percentile of latency by service', async () => {
    const users = await number(QUERIES[1]!, { service: 'users.shop' });
    const orders = await number(QUERIES[1]!, { service: 'orders.shop' });
    expect(users).toBeGreaterThan(2.5);
    expect(users).toBeLessThanOrEqual(5);
    expect(orders).toBeGreaterThan(500);
    expect(orders).toBeLessThanOrEqual(1_000);
  });

  it('computes the error rate and the rate-limit efficiency', async () => {
    expect(await number(QUERIES[2]!)).toBeCloseTo(0.1, 6);
    expect(await number(QUERIES[3]!)).toBeCloseTo(0.2, 6);
  });

  it('sees the whole target as up, with the gauges of the threads', async () => {
    expect(await number('up')).toBe(1);
    expect(await number('count(gateway_thread_config_generation)')).toBe(2);
    expect(await number('gateway_findings', { code: 'backendNotFound', severity: 'error' })).toBe(1);
    expect(await number('count(gateway_build_info)')).toBe(1);
    expect(await number('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('has nothing to say against the format, but for the unit that the contract asks for', async () => {
    const page = await (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
    let lint = '';
    try {
      execFileSync('promtool', ['check', 'metrics'], { input: page, stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
      lint = String((error as { stderr: Buffer }).stderr);
    }
    const complaints = lint.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'));
    expect(complaints.filter((line) => !/_ms .*(abbreviated|base unit)/.test(line))).toEqual([]);
  });
});

/** The value of the sample that has these labels; NaN when none has. */
function pick(samples: readonly Sample[], labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels);
  const found = samples.find(({ metric }) => wanted.every(([name, label]) => metric[name] === label));
  return Number(found?.value[1]);
}

/** 20 requests: 15 to users, 5 to orders, of which 2 fail; 4 refusals by a limit. */
function traffic(threads: readonly ThreadMetrics[]): void {
  const POST = methodId('POST');
  for (const [index, thread] of threads.entries()) {
    const users = thread.route('/users/{id}', 'users.shop');
    const orders = thread.route('/orders', 'orders.shop');
    for (let i = 0; i < 7 + index; i += 1) users.count(GET, 200, 3);
    for (let i = 0; i < 1 + index; i += 1) orders.count(POST, 201, 800);
    orders.count(POST, 503, 800);
    thread.rateLimitHits('apiKey').add(2);
  }
}

async function startAdmin(threads: ThreadMetrics[]): Promise<AdminServer> {
  const collector = new MetricsCollector({ send() {} });
  for (const threadId of [0, 1]) {
    threads.push(createThreadMetrics({ announce: (message) => collector.receive(threadId, message) }));
  }
  const page = createMetricsPage({
    collector,
    control: {
      publishedGeneration: () => 3,
      appliedGeneration: () => 3,
      findings: () => [{ code: 'backendNotFound', severity: 'error' }],
    },
    build: { version: '1.2.3', revision: 'abc' },
  });
  const view = { ...sampleView(NONE), metrics: page };
  return startAdminServer({ address: '127.0.0.1', port: 0, view, onError: (error) => console.error(error) });
}

function installed(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error('Prometheus did not scrape within 20 s');
}
