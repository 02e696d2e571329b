import type { AdminView, PurgeResult, PurgeSelection } from '../admin/view.ts';
import { severityOf } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';
import type { ListenerIr } from '../ir/settings.ts';
import { createMetricsPage } from '../observe/metrics-page.ts';
import type { DataPlaneThreads } from './data-plane.ts';
import type { GatewayHooks } from './gateway-hooks.ts';
import { certificateGauges, certificateWarnings } from './listener-certificates.ts';
import { VERSION } from './version.ts';

interface ControlView {
  findings(): readonly Finding[];
  draining(): boolean;
  readonly listeners: readonly ListenerIr[];
  purge(selections: readonly PurgeSelection[]): Promise<PurgeResult>;
  readonly hooks: Pick<GatewayHooks, 'acks' | 'gauges' | 'warnings'>;
}

/** What the admin server shows of a running gateway. */
export function createAdminView(threads: DataPlaneThreads, control: ControlView): AdminView {
  const { publisher, collector } = threads;
  const metrics = createMetricsPage({
    collector,
    build: VERSION,
    gauges: () => [...certificateGauges(publisher.state.secrets), ...(control.hooks.gauges?.() ?? [])],
    control: {
      publishedGeneration: () => publisher.generation,
      appliedGeneration: () => publisher.applied,
      findings: () => control.findings().map((one) => ({ code: one.code, severity: severityOf(one) })),
    },
  });
  const carriesTraffic = publisher.threads().length > 0;
  return {
    version: VERSION,
    threads: () => publisher.threads(),
    served: () => ({
      generation: publisher.generation,
      ir: publisher.state.ir,
      endpoints: publisher.state.endpoints,
    }),
    findings: control.findings,
    draining: control.draining,
    carriesTraffic,
    warnings: () => [
      ...certificateWarnings(control.listeners, publisher.state.secrets),
      ...(control.hooks.warnings?.() ?? []),
    ],
    metrics,
    ...(carriesTraffic ? { purge: control.purge } : {}),
    ...(control.hooks.acks === undefined ? {} : { acks: control.hooks.acks.bind(control.hooks) }),
  };
}
