import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import { chart, imageValues, loadPortreeve, valueArguments } from '../chart/support.ts';
import { type Cluster, clusterUnavailable, startCluster, waitUntil } from '../index.ts';

const namespace = 'webhook-chart';
const release = 'gate';
const secret = `${release}-portreeve-webhook-certificate`;
const limitMs = 600_000;
const values = {
  ...imageValues,
  replicas: 2,
  service: { type: 'ClusterIP' },
  resources: { requests: { cpu: '10m' } },
  config: { threads: 1 },
  webhook: { failurePolicy: 'Fail', certificateLifetime: '30s', timeoutSeconds: 30 },
};
const route = (name: string, regex: string): object => ({
  apiVersion: 'portreeve.dev/v1alpha1',
  kind: 'GatewayRoute',
  metadata: { name, namespace },
  spec: { rules: [{ matches: [{ path: { regex } }], respond: { body: 'hello' } }] },
});

describe.skipIf(clusterUnavailable() !== undefined)('the webhook of the chart', { timeout: limitMs }, () => {
  let cluster: Cluster;
  let scratch = '';
  const dryRun = (object: object) =>
    cluster.run('kubectl', ['create', '--dry-run=server', '-f', '-'], {
      input: JSON.stringify(object),
      allowFailure: true,
    });
  const certificate = (): Promise<string> =>
    cluster.kubectl('-n', namespace, 'get', 'secret', secret, '-o', 'jsonpath={.data.tls\\.crt}');

  beforeAll(async () => {
    cluster = await startCluster();
    scratch = mkdtempSync(join(tmpdir(), 'portreeve-webhook-chart-'));
    await loadPortreeve(cluster, scratch);
    await cluster.apply(...customResourceDefinitions(policyCatalogue).values());
    const where = ['--namespace', namespace, '--create-namespace', '--skip-crds', '--wait', '--timeout=180s'];
    await cluster.helm('install', release, chart, ...where, ...valueArguments(values));
  }, 1_800_000);
  afterAll(async () => {
    await cluster?.helm('uninstall', release, '--namespace', namespace, '--ignore-not-found', '--wait');
    await cluster?.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
    await cluster?.stop();
    if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
  }, limitMs);

  test('refuses what is bad and takes what is good', async () => {
    await waitUntil(async () => (await dryRun(route('good', '/a+'))).code === 0, {
      what: 'the webhook answers',
    });
    const { code, stderr } = await dryRun(route('bad', '/a(?=b)'));
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'spec.rules[0].matches[0].path.regex: the regular expression "/a(?=b)" is not valid RE2 syntax',
    );
  });

  test('rotates with the rights that the chart gives, and answers on', async () => {
    const seen = new Set<string>();
    const outcomes = new Set<number>();
    await waitUntil(
      async () => {
        seen.add(await certificate());
        outcomes.add((await dryRun(route('good', '/a+'))).code);
        return seen.size >= 3;
      },
      { what: 'two rotations' },
    );
    expect([...outcomes]).toEqual([0]);
  });

  test('answers on while an upgrade of the release replaces the pods', async () => {
    const changed = valueArguments({ ...values, podAnnotations: { round: 'second' } });
    const where = ['--namespace', namespace, '--skip-crds', '--wait', '--timeout=180s'];
    let upgraded = false;
    const upgrade = cluster.helm('upgrade', release, chart, ...where, ...changed).finally(() => {
      upgraded = true;
    });
    const failures: string[] = [];
    while (!upgraded) {
      const { code, stderr } = await dryRun(route('good', '/a+'));
      if (code !== 0) failures.push(stderr);
    }
    await upgrade;
    expect(failures).toEqual([]);
    expect(await certificate()).not.toBe('');
  });
});
