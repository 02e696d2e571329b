import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ensureBinaries } from '../binaries.ts';
import { runCommand } from '../command.ts';
import { stderrProgress } from '../progress.ts';
import { goModules } from '../versions.ts';
import { waitUntil } from '../wait.ts';
import { knownMetrics, unknownIn } from './known-metrics.ts';
import { Prometheus } from './prometheus.ts';
import { type SampleMetrics, sampleMetrics } from './sample-metrics.ts';
import { chart, type Manifest, manifestsOf, root, valueArguments } from './support.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts?: readonly object[];
    }[];
  }[];
}

const values = {
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true, thresholds: { errorRatio: 0.05, latencyMs: 2500 } },
  dashboard: { enabled: true },
};
const ruleTests = join(import.meta.dirname, 'fixtures/alerts.test.yaml');

// Needs helm, but no cluster.
describe("the chart's monitoring", () => {
  const folder = mkdtempSync(join(tmpdir(), 'portreeve-monitoring-'));
  const rulesFile = join(folder, 'rules.json');
  let rules: readonly Rule[] = [];
  let panels: readonly Panel[] = [];
  let honorLabels = false;
  let known: ReadonlyMap<string, ReadonlySet<string>>;

  beforeAll(async () => {
    const binaries = await ensureBinaries(
      stderrProgress(),
      goModules.filter((module) => module.name === 'helm'),
    );
    const args = ['template', 'gate', chart, '--namespace', 'edge', ...valueArguments(values)];
    const manifests = manifestsOf((await runCommand(binaries.path('helm'), args)).stdout);
    const { groups } = specOf<{ groups: readonly { rules: readonly Rule[] }[] }>(manifests, 'PrometheusRule');
    // JSON is YAML.
    writeFileSync(rulesFile, JSON.stringify({ groups }));
    rules = groups.flatMap((group) => group.rules);
    const monitor = specOf<{ endpoints: readonly { honorLabels?: boolean }[] }>(manifests, 'ServiceMonitor');
    honorLabels = monitor.endpoints[0]?.honorLabels ?? false;
    const map = manifests.find(({ metadata }) => metadata.name === 'gate-portreeve-dashboard')!;
    const dashboard = JSON.parse((map.data as { 'portreeve.json': string })['portreeve.json']) as {
      panels: readonly Panel[];
    };
    panels = dashboard.panels;
    known = await knownMetrics();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test('promtool takes the rules', async () => {
    const { stdout } = await runCommand('promtool', [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      rulesFile,
    ]);
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  test('each alert fires when it shall, and only then', async () => {
    const here = join(folder, 'alerts.test.yaml');
    copyFileSync(ruleTests, here);
    await runCommand('promtool', ['test', 'rules', here]);
    const cases = (parse(readFileSync(ruleTests, 'utf8')) as RuleTests).tests.flatMap(
      (one) => one.alert_rule_test,
    );
    const alertsOf = (fires: boolean): readonly string[] =>
      [
        ...new Set(
          cases.filter((one) => (one.exp_alerts !== undefined) === fires).map((one) => one.alertname),
        ),
      ].sort();
    const all = rules.map((rule) => rule.alert).sort();
    expect(alertsOf(true)).toEqual(all);
    expect(alertsOf(false)).toEqual(all);
  });

  test('the guide says what to do for each alert', () => {
    const guide = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
    const told = [...guide.matchAll(/^\| `(Portreeve\w+)` \|/gm)].map((match) => match[1]);
    expect(told).toEqual(rules.map((rule) => rule.alert));
  });

  test('alerts and dashboard name only metrics and labels that the program has', () => {
    const expressions = [...rules.map((rule) => rule.expr), ...expressionsOf(panels)];
    expect(expressions.length).toBeGreaterThan(30);
    expect(expressions.flatMap((expression) => unknownIn(expression, known))).toEqual([]);
  });

  test('panels have titles of their own and do not overlap', () => {
    expect(new Set(panels.map((panel) => panel.title)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });

  describe('with a real Prometheus', () => {
    let sample: SampleMetrics;
    let prometheus: Prometheus;

    beforeAll(async () => {
      sample = await sampleMetrics();
      prometheus = await Prometheus.start({
        folder,
        target: `127.0.0.1:${sample.admin.port}`,
        honorLabels,
        labels: { namespace: 'edge', pod: 'gate-1', container: 'portreeve', service: 'gate-portreeve-admin' },
      });
    });

    afterAll(async () => {
      await prometheus?.stop();
      await sample?.close();
    });

    test('each query of the dashboard has an answer', async () => {
      const silent = new Set(
        expressionsOf(panels).map((expression) =>
          expression
            .replaceAll('$__rate_interval', '1m')
            .replaceAll('$namespace', 'edge')
            .replaceAll('$service', 'users.shop'),
        ),
      );
      const ask = async (): Promise<boolean> => {
        // Rates need counters that rise between two scrapes.
        sample.work();
        for (const query of silent) if ((await prometheus.query(query)).length > 0) silent.delete(query);
        return silent.size === 0;
      };
      await waitUntil(ask, { what: 'answers' }).catch(() => {});
      expect([...silent]).toEqual([]);
    });

    test('the service of a request is that of the backend, not that of the scrape', async () => {
      const samples = await prometheus.query('gateway_requests_total{status="200"}');
      expect(samples.map((one) => one.metric.service)).toEqual(['users.shop']);
    });
  });
});

function specOf<T>(manifests: readonly Manifest[], kind: string): T {
  return manifests.find((manifest) => manifest.kind === kind)!.spec as T;
}

function expressionsOf(panels: readonly Panel[]): readonly string[] {
  return panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr));
}
