import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MetricsCollector } from './metrics-collector.ts';
import { renderThreadFamilies } from './metrics-text.ts';

export interface BuildInfo {
  readonly version: string;
  /** Commit the program was built from; `unknown` when it runs from a checkout. */
  readonly revision: string;
}

/** What the control thread knows; asked at each scrape. */
export interface ControlGauges {
  /** Last generation that was published to the threads. */
  publishedGeneration(): number;
  /** Last generation that every thread has acknowledged. */
  appliedGeneration(): number;
  findings(): Iterable<{ readonly code: string; readonly severity: string }>;
}

/** One number of a part that only some shapes of the program have. */
export interface GaugeSample {
  readonly name: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricsPageOptions {
  readonly collector: MetricsCollector;
  /** Gauges besides those of every gateway; asked at each scrape. Samples of one name have the same labels. */
  readonly gauges?: () => Iterable<GaugeSample>;
  readonly control: ControlGauges;
  readonly build: BuildInfo;
}

/** Media type of the page: the Prometheus text format. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * Everything under `/metrics`: the threads' counters, the control thread's state and the process's own.
 * The returned function renders the page of now.
 */
export function createMetricsPage(options: MetricsPageOptions): () => Promise<Buffer> {
  const registry = new Registry();
  registerControlGauges(registry, options.control);
  new Gauge({
    name: 'gateway_build_info',
    help: 'Version and commit of the running program; always 1.',
    labelNames: ['version', 'revision', 'node'],
    registers: [registry],
  }).set({ version: options.build.version, revision: options.build.revision, node: process.version }, 1);
  collectDefaultMetrics({ register: registry });
  return async () => {
    const threads = await renderThreadFamilies(options.collector);
    const more = await renderSamples(options.gauges?.() ?? []);
    return Buffer.concat([threads, Buffer.from(await registry.metrics()), Buffer.from(more)]);
  };
}

async function renderSamples(samples: Iterable<GaugeSample>): Promise<string> {
  const registry = new Registry();
  const gauges = new Map<string, Gauge>();
  for (const { name, help, labels, value } of samples) {
    const known = gauges.get(name);
    const gauge = known ?? new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] });
    gauges.set(name, gauge);
    gauge.set(labels, value);
  }
  return gauges.size === 0 ? '' : registry.metrics();
}

function registerControlGauges(registry: Registry, control: ControlGauges): void {
  new Gauge({
    name: 'gateway_config_generation',
    help: 'Generation of the configuration last published to the threads.',
    registers: [registry],
    collect() {
      this.set(control.publishedGeneration());
    },
  });
  new Gauge({
    name: 'gateway_config_applied_generation',
    help: 'Last generation that every thread has acknowledged.',
    registers: [registry],
    collect() {
      this.set(control.appliedGeneration());
    },
  });
  new Gauge({
    name: 'gateway_findings',
    help: 'Findings about the configuration that hold now.',
    labelNames: ['code', 'severity'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { code, severity } of control.findings()) this.inc({ code, severity });
    },
  });
}
