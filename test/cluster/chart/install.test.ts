import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sourceGauges } from '../../../src/app/controller/gauges.ts';
import {
  backendObjects,
  type Cluster,
  clusterUnavailable,
  fetchInside,
  startCluster,
  waitUntil,
} from '../index.ts';
import { CLUSTER, WEBHOOK } from './known-metrics.ts';
import { chart, imageValues, loadPortreeve, type Values, valueArguments } from './support.ts';

const namespace = 'chart-install';
const release = 'gate';
const name = `${release}-portreeve`;
const ofRelease = `app.kubernetes.io/instance=${release}`;
const limitMs = 600_000;

const route = {
  apiVersion: 'portreeve.dev/v1alpha1',
  kind: 'GatewayRoute',
  metadata: { name: 'echo', namespace },
  spec: { rules: [{ backends: [{ service: { name: 'echo', port: 'http' } }] }] },
};
/** Whether it may, by the real API server's RBAC; `as` is the pods' ServiceAccount. */
const access: readonly (readonly [boolean, string, string, string])[] = [
  [true, 'watch', 'gatewayroutes.portreeve.dev', '--all-namespaces'],
  [true, 'list', 'consumers.portreeve.dev', '--all-namespaces'],
  [true, 'watch', 'endpointslices.discovery.k8s.io', '--all-namespaces'],
  [true, 'list', 'services', '--all-namespaces'],
  [true, 'patch', 'gatewayroutes.portreeve.dev', '--namespace=default --subresource=status'],
  [true, 'create', 'events.events.k8s.io', '--namespace=default'],
  [true, 'create', 'leases.coordination.k8s.io', `--namespace=${namespace}`],
  [true, 'update', `leases.coordination.k8s.io/${namespace}-${name}`, `--namespace=${namespace}`],
  [true, 'watch', 'secrets/jwt-key', '--namespace=default'],
  [false, 'watch', 'secrets/other', '--namespace=default'],
  [false, 'list', 'secrets', '--namespace=default'],
  [false, 'get', 'secrets/jwt-key', '--namespace=kube-system'],
  [false, 'list', 'secrets', `--namespace=${namespace}`],
  [false, 'update', 'leases.coordination.k8s.io/other', `--namespace=${namespace}`],
  [false, 'create', 'leases.coordination.k8s.io', '--namespace=default'],
  [false, 'update', 'gatewayroutes.portreeve.dev', '--namespace=default --subresource=status'],
  [false, 'patch', 'gatewayroutes.portreeve.dev', '--namespace=default'],
  [false, 'delete', 'gatewayroutes.portreeve.dev', '--namespace=default'],
  [true, 'patch', `secrets/${name}-webhook-certificate`, `--namespace=${namespace}`],
  [false, 'update', `secrets/${name}-webhook-certificate`, `--namespace=${namespace}`],
  [false, 'create', 'secrets', `--namespace=${namespace}`],
  [true, 'patch', `validatingwebhookconfigurations/${namespace}-${name}-webhook`, ''],
  [false, 'patch', 'validatingwebhookconfigurations/other', ''],
  [false, 'list', 'pods', `--namespace=${namespace}`],
  [false, 'list', 'namespaces', ''],
  [false, 'list', 'nodes', ''],
];

describe.skipIf(clusterUnavailable() !== undefined)('the chart in a cluster', { timeout: limitMs }, () => {
  let cluster: Cluster;
  let scratch = '';
  const kubectl = (...args: readonly string[]): Promise<string> =>
    cluster.kubectl('--namespace', namespace, ...args);
  const helm = (command: string, ...args: readonly string[]): Promise<string> =>
    cluster.helm(command, release, '--namespace', namespace, ...args);
  const values: Values = {
    ...imageValues,
    service: { type: 'ClusterIP' },
    secrets: { named: { default: ['jwt-key'] } },
    resources: { requests: { cpu: '10m' } },
  };
  const change = (
    command: 'install' | 'upgrade',
    more: Values = {},
    ...args: readonly string[]
  ): Promise<string> =>
    helm(command, chart, '--wait', '--timeout=180s', ...valueArguments({ ...values, ...more }), ...args);
  const address = async (service: string): Promise<string> => {
    const ip = await kubectl('get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}');
    return ip.includes(':') ? `[${ip}]` : ip;
  };
  const pods = async (): Promise<readonly string[]> =>
    (await kubectl('get', 'pods', '-l', `app.kubernetes.io/name=portreeve,${ofRelease}`, '-o', 'name'))
      .trim()
      .split('\n');
  /** A new route is served by every replica, says its status. */
  const programmed = async (routeName: string): Promise<void> => {
    await cluster.apply({ ...route, metadata: { name: routeName, namespace } });
    await kubectl('wait', '--for=condition=Programmed', `gatewayroute/${routeName}`, '--timeout=180s');
  };
  /** Kinds that the API server does not let some pod watch. */
  const failingWatches = async (): Promise<readonly string[]> => {
    const [page] = await fetchInside(cluster, `http://${await address(`${name}-admin`)}:9901/metrics`);
    const counts = [...page!.body.matchAll(/^gateway_source_failures_in_a_row\{kind="(\w+)"\} (\d+)$/gm)];
    expect(counts.length).toBeGreaterThan(4);
    return counts.filter(([, , failures]) => failures !== '0').map(([, kind]) => kind!);
  };
  /** Objects of the release, those of the cluster included. */
  const objects = async (): Promise<string> => {
    const kinds =
      'deployments,pods,services,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets,clusterroles,clusterrolebindings,secrets,validatingwebhookconfigurations';
    return cluster.kubectl('get', kinds, '--all-namespaces', '-l', ofRelease, '-o', 'name');
  };
  const crds = async (): Promise<readonly string[]> =>
    (await cluster.kubectl('get', 'crds', '-o', 'name'))
      .split('\n')
      .filter((line) => line.endsWith('portreeve.dev'));

  beforeAll(async () => {
    cluster = await startCluster();
    scratch = mkdtempSync(join(tmpdir(), 'portreeve-chart-'));
    await loadPortreeve(cluster, scratch);
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.apply(...backendObjects({ name: 'echo', namespace, replicas: 2 }));
    const restricted = 'pod-security.kubernetes.io/enforce=restricted';
    await kubectl('rollout', 'status', 'deployment/echo', '--timeout=180s');
    await cluster.kubectl('label', 'namespace', namespace, restricted);
  }, limitMs);

  afterAll(async () => {
    if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
    // A cluster that stays up shall be as it was.
    await cluster?.kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    await cluster?.stop();
  }, limitMs);

  test('installs, and serves', async () => {
    await change('install');
    expect(await pods()).toHaveLength(2);
    expect(await crds()).toHaveLength(3);
    await programmed('echo');
    const [reply] = await fetchInside(cluster, `http://${await address(name)}/some/path`);
    expect(reply).toMatchObject({ status: 200 });
    expect(JSON.parse(reply!.body)).toMatchObject({ path: '/some/path' });
    const [ready] = await fetchInside(cluster, `http://${await address(`${name}-admin`)}:9901/readyz`);
    expect(ready).toMatchObject({ status: 200 });
  });

  test('its own test passes', async () => {
    expect(await helm('test')).toMatch(/Phase: +Succeeded/);
  });

  test('its own test fails when nothing listens', async () => {
    const nobody = '{"spec":{"selector":{"app.kubernetes.io/instance":"nobody"}}}';
    await kubectl('patch', 'service', name, '--type=merge', '-p', nobody);
    await expect(helm('test')).rejects.toThrow('failed');
    const said = await kubectl('logs', `${name}-test`);
    expect(said).toContain(`FAIL http://${name}:80/`);
    expect(said).toContain(`ok   http://${name}-admin:9901/metrics 200`);
    await change('upgrade');
    await helm('test');
  });

  test('has the API server refuse what can not be served', async () => {
    const path = { regex: '/a(?=b)' };
    const bad = { ...route, spec: { rules: [{ matches: [{ path }], respond: { body: 'hello' } }] } };
    const refused = async (): Promise<boolean> => {
      const input = JSON.stringify(bad);
      const { stderr } = await cluster.run('kubectl', ['apply', '--dry-run=server', '-f', '-'], {
        input,
        allowFailure: true,
      });
      return stderr.includes('validate.portreeve.dev') && stderr.includes('RE2');
    };
    await waitUntil(refused, { what: 'the webhook to be asked' });
  });

  test('has the metrics that alerts name', async () => {
    const [page] = await fetchInside(cluster, `http://${await address(`${name}-admin`)}:9901/metrics`);
    const names = [...sourceGauges(CLUSTER), ...WEBHOOK].map((gauge) => gauge.name);
    expect(names.filter((metric) => !page!.body.includes(`\n${metric}`))).toEqual([]);
  });

  test('gives replicas an address each', async () => {
    const slices = ['get', 'endpointslices', '-l', `kubernetes.io/service-name=${name}-replicas`];
    const addresses = await kubectl(...slices, '-o', 'jsonpath={.items[*].endpoints[*].addresses[0]}');
    expect(new Set(addresses.split(' ')).size).toBe(2);
  });

  test('may do what it needs, and nothing else', async () => {
    const as = `--as=system:serviceaccount:${namespace}:${name}`;
    const wrong: string[] = [];
    for (const [allowed, verb, resource, where] of access) {
      const args = ['auth', 'can-i', verb, resource, ...where.split(' ').filter(Boolean), as];
      const { stdout } = await cluster.run('kubectl', args, { allowFailure: true });
      if (stdout.trim() !== (allowed ? 'yes' : 'no'))
        wrong.push(`${verb} ${resource} ${where}: ${stdout.trim()}`);
    }
    expect(wrong).toEqual([]);
  });

  test('an upgrade replaces every pod without a failed request', async () => {
    const before = await pods();
    const url = `http://${await address(name)}/`;
    let upgraded = false;
    const upgrade = change('upgrade', { config: { via: 'edge' } }).finally(() => {
      upgraded = true;
    });
    const statuses = new Map<number, number>();
    const ask = async (): Promise<void> => {
      for (const { status } of await fetchInside(cluster, url, { count: 100 })) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    try {
      while (!upgraded) await ask();
    } finally {
      await upgrade;
    }
    const gone = kubectl('wait', '--for=delete', '--timeout=180s', ...before);
    await Promise.all([gone, ask()]);
    expect([...statuses.keys()]).toEqual([200]);
    expect((await pods()).filter((pod) => before.includes(pod))).toEqual([]);
  });

  test('a rollback goes back', async () => {
    const config = (): Promise<string> =>
      kubectl('get', 'configmap', name, '-o', 'jsonpath={.data.portreeve\\.yaml}');
    const trusted = (): Promise<string> =>
      kubectl(
        'get',
        `validatingwebhookconfiguration/${namespace}-${name}-webhook`,
        '-o',
        'jsonpath={.webhooks[0].clientConfig.caBundle}',
      );
    expect(await config()).toContain('via: edge');
    const authority = await trusted();
    expect(authority).not.toBe('');
    await helm('rollback', '--wait', '--timeout=180s');
    expect(await config()).not.toContain('via: edge');
    // Neither took away what the pods have written.
    expect(await trusted()).toBe(authority);
  });

  test('needs rights in the namespaces that are named, and no others', async () => {
    await change('upgrade', { watch: { namespaces: [namespace] }, webhook: { enabled: false } });
    expect(await cluster.kubectl('get', 'clusterroles', '-l', ofRelease, '-o', 'name')).toBe('');
    await programmed('named');
    expect(await failingWatches()).toEqual([]);
  });

  test('follows namespaces by their labels', async () => {
    await change('upgrade', { watch: { namespaceSelector: 'gateway=public' } });
    await cluster.kubectl('label', 'namespace', namespace, 'gateway=public');
    await programmed('selected');
    expect(await failingWatches()).toEqual([]);
  });

  test('an uninstall leaves nothing but the custom resources', async () => {
    await helm('uninstall', '--wait', '--timeout=180s', '--cascade=foreground');
    expect(await objects()).toBe('');
    expect(await crds()).toHaveLength(3);
  });

  test('a release can own the custom resources, and leaves them or takes them with it', async () => {
    const owned = { crds: { manage: true }, replicas: 0 };
    // As docs/kubernetes.md says, where an earlier install has created them.
    await change('install', owned, '--skip-crds', '--take-ownership');
    await change('upgrade', { ...owned, podLabels: { again: 'yes' } });
    await helm('uninstall', '--wait');
    expect(await crds()).toHaveLength(3);
    await change(
      'install',
      { ...owned, crds: { manage: true, keep: false } },
      '--skip-crds',
      '--take-ownership',
    );
    await helm('uninstall', '--wait');
    expect(await crds()).toEqual([]);
  });
});
