import { sourceGauges } from '../../../src/app/controller/gauges.ts';
import { FAMILIES, type Family } from '../../../src/observe/families.ts';
import { MetricsCollector } from '../../../src/observe/metrics-collector.ts';
import { createMetricsPage, type GaugeSample } from '../../../src/observe/metrics-page.ts';

/** A controller that watches one kind. */
export const CLUSTER: Parameters<typeof sourceGauges>[0] = {
  states: [
    { kind: 'Service', synced: true, objects: 1, failures: 0, lists: 1, watches: 1, lastEventAtMs: 0 },
  ],
  requests: 1,
  leading: true,
  statusWrites: 1,
  statusWaiting: 0,
  fromSavedTable: false,
};

/** What a webhook adds; `install.test.ts` sees them on a real pod. */
export const WEBHOOK: readonly GaugeSample[] = [
  { name: 'gateway_webhook_certificate_expiry_seconds', help: 'When it expires.', labels: {}, value: 2e9 },
];

/** What a listener with TLS adds; `survive/tls.test.ts` sees them on real pods. */
export const TLS: readonly GaugeSample[] = [
  {
    name: 'gateway_tls_certificate_expiry_seconds',
    help: 'When it expires.',
    labels: { listener: 'https', secret: 'shop/shop-tls' },
    value: 2e9,
  },
];

/** What the shape `split` adds; `survive/split.test.ts` sees them on real pods. */
export const SPLIT: readonly GaugeSample[] = [
  { name: 'gateway_stream_certificate_expiry_seconds', help: 'When it expires.', labels: {}, value: 2e9 },
  { name: 'gateway_controller_connected', help: 'Whether it is.', labels: {}, value: 1 },
];

/** Labels that Prometheus adds to what it scrapes. */
const TARGET_LABELS = ['namespace', 'pod', 'job', 'instance', 'container'];

/** Names of the series that the program has, each with the labels that it can have. */
export async function knownMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>();
  const add = (name: string, labels: readonly string[]): void => {
    known.set(name, new Set([...labels, ...TARGET_LABELS]));
  };
  for (const { name, type, labels, perThread } of Object.values<Family>(FAMILIES)) {
    const all = perThread ? [...labels, 'thread'] : labels;
    if (type !== 'histogram') add(name, all);
    else for (const suffix of ['_bucket', '_sum', '_count']) add(name + suffix, [...all, 'le']);
  }
  const nothing = { publishedGeneration: () => 0, appliedGeneration: () => 0, findings: () => [] };
  const page = createMetricsPage({
    collector: new MetricsCollector({ send() {} }),
    gauges: () => [...sourceGauges(CLUSTER), ...WEBHOOK, ...TLS, ...SPLIT],
    control: { ...nothing, findings: () => [{ code: 'a', severity: 'error' }] },
    build: { version: '', revision: '' },
  });
  for (const [, name, labels] of String(await page()).matchAll(/^([a-z_]+)(?:\{(.*)\})? /gm)) {
    if (!known.has(name!))
      add(
        name!,
        [...(labels ?? '').matchAll(/(\w+)="/g)].map((match) => match[1]!),
      );
  }
  return known;
}

const METRIC = /\b((?:gateway|process|nodejs)_\w+)(?:\{([^}]*)\})?/g;
const GROUPING = /\b(?:by|on|without|ignoring) \(([^)]*)\)/g;

/** What an expression names that the program does not have; metrics by their prefix. */
export function unknownIn(
  expression: string,
  known: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  const bare = expression.replaceAll(/\$\{?\w+\}?/g, '');
  const metrics = [...bare.matchAll(METRIC)];
  const problems = metrics.length === 0 ? ['no metric at all'] : [];
  const labels = new Set<string>();
  for (const [, name, selector] of metrics) {
    const has = known.get(name!);
    if (has === undefined) problems.push(`metric ${name}`);
    for (const label of has ?? []) labels.add(label);
    for (const [, label] of (selector ?? '').matchAll(/(\w+)(?:=~|!~|!=|=)"/g)) {
      if (has !== undefined && !has.has(label!)) problems.push(`label ${label} of ${name}`);
    }
  }
  for (const [, list] of bare.matchAll(GROUPING)) {
    for (const label of list!.split(',').map((text) => text.trim())) {
      if (!labels.has(label)) problems.push(`label ${label} in ${expression}`);
    }
  }
  return problems;
}
