import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, clusterUnavailable, customResourcesEstablished, startCluster } from '../index.ts';
import { chart, type Manifest, manifestsOf, render, root, type Values, valueArguments } from './support.ts';
import { otherNamespaces, refused, valueSets } from './values.ts';

const namespace = 'chart-manifests';

describe.skipIf(clusterUnavailable() !== undefined)("the chart's manifests", () => {
  let cluster: Cluster;

  const namespaces = [namespace, 'portreeve', ...otherNamespaces];
  const crds = join(import.meta.dirname, 'fixtures/monitoring-crds.yaml');

  beforeAll(async () => {
    cluster = await startCluster();
    for (const name of namespaces) await cluster.kubectl('create', 'namespace', name);
    await cluster.kubectl('apply', '--server-side', '-f', crds);
    await customResourcesEstablished(cluster);
  });

  afterAll(async () => {
    // A cluster that stays up shall be as it was.
    await cluster?.kubectl('delete', 'namespace', ...namespaces);
    await cluster?.kubectl('delete', '-f', crds);
    await cluster?.stop();
  });

  /** What the API server says to the objects, beside errors: warnings of deprecated and insecure fields. */
  async function warnings(manifests: string): Promise<string> {
    const dryRun = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
    return (await cluster.run('kubectl', dryRun, { input: manifests })).stderr;
  }

  test.each(Object.entries(valueSets))('lint and the API server take %s', async (_, values) => {
    await cluster.helm('lint', '--strict', chart, ...valueArguments(values));
    expect(await warnings(await render(cluster, values, namespace))).toBe('');
  });

  test.each(refused)('refuses %s', async (_, values, message) => {
    await expect(render(cluster, values, namespace)).rejects.toThrow(message);
  });

  test('makes pods that the restricted Pod Security Standard takes', async () => {
    const restricted = 'pod-security.kubernetes.io/enforce=restricted';
    await cluster.kubectl('label', 'namespace', namespace, '--overwrite', restricted);
    for (const values of Object.values(valueSets)) {
      for (const pod of podsOf(manifestsOf(await render(cluster, values, namespace)))) {
        expect(await warnings(JSON.stringify(pod))).toBe('');
      }
    }
  });

  test('gives a pod the time that its drain takes', async () => {
    const seconds = async (values: Values): Promise<unknown> => {
      const [pod] = podsOf(manifestsOf(await render(cluster, values, namespace)));
      return (pod!.spec as { terminationGracePeriodSeconds: number }).terminationGracePeriodSeconds;
    };
    expect(await seconds({})).toBe(5 + 25 + 5);
    const drain = (text: string): Values => ({ config: { timeouts: { drain: text } } });
    expect(await seconds(drain('1h1m1s1500ms'))).toBe(5 + 3663 + 5);
    expect(await seconds(drain('08s'))).toBe(5 + 8 + 5);
    expect(await seconds({ ...drain('0s'), drain: { preStopSeconds: 0 } })).toBe(5);
    expect(await seconds({ terminationGracePeriodSeconds: 90 })).toBe(90);
  });

  test('replaces the pods when the configuration changes, and only then', async () => {
    const checksum = async (values: Values): Promise<unknown> => {
      const [pod] = podsOf(manifestsOf(await render(cluster, values, namespace)));
      const { annotations } = pod!.metadata as { annotations?: Readonly<Record<string, string>> };
      return annotations?.['checksum/config'];
    };
    expect(await checksum({ config: { via: 'edge' } })).not.toBe(await checksum({}));
    expect(await checksum({ replicas: 5 })).toBe(await checksum({}));
  });

  test('keeps two releases of one name in two namespaces apart', async () => {
    const names = async (where: string): Promise<readonly string[]> =>
      manifestsOf(await render(cluster, {}, where))
        .filter(({ kind }) => kind.startsWith('ClusterRole'))
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const [here, there] = [await names('here'), await names('there')];
    expect(here).toHaveLength(2);
    expect(here.filter((name) => there.includes(name))).toEqual([]);
  });

  test('asks for nothing of the cluster when namespaces are named and there is no webhook', async () => {
    const values = { watch: { namespaces: [...otherNamespaces] }, webhook: { enabled: false } };
    const manifests = manifestsOf(await render(cluster, values, namespace));
    expect(manifests.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    expect(manifests.map(({ metadata }) => metadata.namespace)).toContain(otherNamespaces[0]);
  });

  test('gives leave to read just the certificates of listeners', async () => {
    const tls = (name: string, namespace?: string) => ({ tls: { certificateRefs: [{ name, namespace }] } });
    const listeners = [
      { name: 'http', port: 8080 },
      { name: 'https', port: 8443, ...tls('own') },
      { name: 'shop', port: 8444, ...tls('shop', 'shop') },
    ];
    const rules = async (values: Values): Promise<Record<string, unknown>> => {
      const manifests = manifestsOf(await render(cluster, { ...values, config: { listeners } }, namespace));
      const roles = manifests.filter(
        ({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-secrets'),
      );
      return Object.fromEntries(
        roles.map((role) => {
          const [rule] = (role as unknown as { rules: { resourceNames?: string[] }[] }).rules;
          return [role.metadata.namespace, rule?.resourceNames];
        }),
      );
    };
    expect(await rules({})).toEqual({ [namespace]: ['own'], shop: ['shop'] });
    const secrets = { named: { shop: ['key'] }, namespaces: [namespace] };
    expect(await rules({ secrets })).toEqual({ [namespace]: undefined, shop: ['key', 'shop'] });
    expect(await rules({ secrets: { allNamespaces: true } })).toEqual({});
  });

  test('deploy/ is made of it, and the API server takes that', async () => {
    await cluster.run(process.execPath, [join(root, 'scripts/generate.ts'), '--check', '--helm']);
    for (const file of ['crds.yaml', 'portreeve.yaml']) {
      const args = ['apply', '--server-side', '--dry-run=server', '-f', join(root, 'deploy', file)];
      expect((await cluster.run('kubectl', args)).stderr).toBe('');
    }
  });

  test('an apply that is not server-side has room for the custom resources', async () => {
    const file = join(root, 'deploy', 'crds.yaml');
    const names = (await cluster.kubectl('apply', '-f', file, '-o', 'name')).trim().split('\n');
    expect(names).toHaveLength(3);
    try {
      await cluster.kubectl('apply', '-f', file);
      const crds = JSON.parse(await cluster.kubectl('get', ...names, '-o', 'json')) as { items: Manifest[] };
      for (const { metadata } of crds.items) {
        // Annotations end at 262,144 bytes, all of them together.
        expect(JSON.stringify(metadata.annotations).length).toBeLessThan(210_000);
      }
    } finally {
      await cluster.kubectl('delete', ...names);
    }
  });
});

/** Deployments' pods as the pods that they make, and bare pods. */
function podsOf(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.flatMap((manifest) => {
    if (manifest.kind === 'Pod') return [manifest];
    if (manifest.kind !== 'Deployment') return [];
    const { template } = manifest.spec as { template: { metadata: object; spec: object } };
    const metadata = { ...template.metadata, name: 'pod', namespace: manifest.metadata.namespace! };
    // Its ServiceAccount and PriorityClass are made only with the release.
    const { serviceAccountName: _, ...spec } = template.spec as { serviceAccountName?: string };
    return [{ apiVersion: 'v1', kind: 'Pod', metadata, spec }];
  });
}
