import { type AdminServer, startAdminServer } from '../../../src/admin/server.ts';
import { sampleView } from '../../../src/admin/testing.ts';
import { sourceGauges } from '../../../src/app/controller/gauges.ts';
import { createThreadMetrics } from '../../../src/observe/data-plane-metrics.ts';
import { methodId, NONE } from '../../../src/observe/labels.ts';
import { MetricsCollector } from '../../../src/observe/metrics-collector.ts';
import { createMetricsPage } from '../../../src/observe/metrics-page.ts';
import { CLUSTER, WEBHOOK } from './known-metrics.ts';

/** A metrics page as a gateway has it, with a series of every family; `work` lets all counters rise. */
export interface SampleMetrics {
  readonly admin: AdminServer;
  work(): void;
  close(): Promise<void>;
}

/** Serves the page on a loopback port. */
export async function sampleMetrics(): Promise<SampleMetrics> {
  const collector = new MetricsCollector({ send() {} });
  const thread = createThreadMetrics({ announce: (message) => collector.receive(0, message) });
  const route = thread.route('/users/{id}', 'users.shop');
  const upstream = thread.upstream('users.shop');
  const listener = thread.listener('http');
  const handshakes = thread.tlsHandshakes('https', 'TLSv1.3', false);
  const failures = thread.tlsHandshakeFailures('https', 'timeout');
  thread.setGeneration(3);
  const metrics = createMetricsPage({
    collector,
    gauges: () => [...sourceGauges(CLUSTER), ...WEBHOOK],
    control: {
      publishedGeneration: () => 3,
      appliedGeneration: () => 3,
      findings: () => [{ code: 'backendNotFound', severity: 'error' }],
    },
    build: { version: '1.2.3', revision: 'abc' },
  });
  const view = { ...sampleView(NONE), metrics };
  const onError = (error: Error): void => console.error(error);
  const admin = await startAdminServer({ address: '127.0.0.1', port: 0, view, onError });
  return {
    admin,
    work() {
      for (const status of [200, 200, 502]) {
        route.count(methodId('GET'), status, 12);
        upstream.status(status);
      }
      upstream.retries.add(1);
      upstream.connectFailures.add(1);
      for (const gauge of [upstream.connectionsOpen, upstream.connectionsIdle, upstream.requestsPending])
        gauge.set(1);
      for (const bytes of [listener.receivedBytes, listener.sentBytes]) bytes.add(1000);
      listener.connectionsAccepted.add(1);
      listener.connectionsOpen.set(1);
      thread.rateLimitHits('apiKey').add(1);
      thread.error('connectFailed', 'upstream');
      handshakes.add(1);
      failures.add(1);
      thread.overloadShed('low').add(1);
      thread.overloadPressure().set(1);
      thread.cacheHits.add(1);
      thread.cacheMisses.add(1);
    },
    async close() {
      thread.close();
      await admin.close();
    },
  };
}
