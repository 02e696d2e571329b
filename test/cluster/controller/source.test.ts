import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { pathOf } from '../../../src/sources/kubernetes/client/object.ts';
import { KINDS } from '../../../src/sources/kubernetes/kinds.ts';
import { KubernetesSource, type KubernetesSourceOptions } from '../../../src/sources/kubernetes/source.ts';
import { Consumer, describeResourceSource, routeYaml } from '../../contract/resource-source.ts';
import { type Cluster, clusterUnavailable, customResourcesEstablished, startCluster } from '../index.ts';
import { FaultProxy } from './fault-proxy.ts';

const validators = createValidators(policyCatalogue);
const crds = [...customResourceDefinitions(policyCatalogue).values()];
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
/** As an older or newer version of ours would be: the API server lets more through than we do. */
const lenient = crds.map((crd) => {
  const [version] = crd.spec.versions;
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: anything, status: anything },
    },
  };
  return { ...crd, spec: { ...crd.spec, versions: [{ ...version, schema }] } };
});

describe.skipIf(clusterUnavailable() !== undefined)('a cluster', () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let client: ApiClient;
  const eventually = (check: () => void) => vi.waitFor(check, { timeout: 180_000, interval: 10 });
  const put = (yaml: string) => {
    const body = parse(yaml) as {
      kind: keyof typeof KINDS;
      metadata: { name: string; namespace: string };
    };
    return client.json({
      method: 'PATCH',
      path: pathOf(KINDS[body.kind], body.metadata.namespace, body.metadata.name),
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body,
    });
  };
  const clear = async (namespace: string) => {
    for (const kind of [KINDS.GatewayRoute, KINDS.Consumer, KINDS.Secret])
      await client.json({ method: 'DELETE', path: pathOf(kind, namespace) });
  };
  const makeSource = (options: Partial<KubernetesSourceOptions> = {}) =>
    new KubernetesSource({
      client,
      validators,
      namespaces: ['shop'],
      namespaceSelector: null,
      onFailure: () => {},
      timing: { backoffBaseMs: 20, backoffMaxMs: 200 },
      ...options,
    });
  const consumerYaml = (name: string, secret: string) => `apiVersion: portreeve.dev/v1alpha1
kind: Consumer
metadata: { name: ${name}, namespace: shop }
spec: { credentials: [{ apiKey: { secretRef: { name: ${secret}, key: key } } }] }
`;
  const secretYaml = (name: string, key: string) => `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: shop }
stringData: { key: ${key} }
`;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply(
      ...lenient,
      ...['shop', 'other'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { team: name } },
      })),
    );
    await customResourcesEstablished(cluster);
    proxy = await FaultProxy.start(cluster);
    client = new ApiClient(proxy.kubeconfigPath);
  });
  afterAll(async () => {
    await cluster?.apply(...crds);
    await cluster?.kubectl('delete', 'namespace', 'shop', 'other', '--wait=false');
    await client?.close();
    await proxy?.stop();
    await cluster?.stop();
  });

  describeResourceSource('Kubernetes', async () => {
    await clear('shop');
    return {
      source: makeSource(),
      put: async (_, yaml) => {
        await put(yaml);
      },
      remove: async ({ name, namespace }) => {
        await client.json({ method: 'DELETE', path: pathOf(KINDS.GatewayRoute, namespace, name) });
      },
      dispose: () => clear('shop'),
    };
  });

  describe('as a source', () => {
    let source: KubernetesSource;
    let seen: Consumer;

    beforeEach(async () => {
      await clear('shop');
      await clear('other');
      seen = new Consumer();
    });
    afterEach(() => source.stop());

    test('reads only the Secrets that something refers to, while something does', async () => {
      source = makeSource();
      await put(secretYaml('used', 'one'));
      await put(secretYaml('unused', 'one'));
      await put(consumerYaml('a', 'used'));
      await source.start(seen.receive);
      const secrets = () => seen.keys.filter((key) => key.startsWith('Secret/'));
      expect(secrets()).toEqual(['Secret/shop/used']);
      await put(consumerYaml('b', 'unused'));
      await eventually(() => expect(secrets()).toEqual(['Secret/shop/unused', 'Secret/shop/used']));
      await put(secretYaml('used', 'two'));
      await eventually(() =>
        expect(seen.objects.get('Secret/shop/used')?.object).toMatchObject({ data: { key: btoa('two') } }),
      );
      await put(consumerYaml('a', 'unused'));
      await eventually(() => expect(secrets()).toEqual(['Secret/shop/unused']));
      expect(source.states().filter(({ kind }) => kind === 'Secret')).toHaveLength(1);
      const listed = proxy.requests.filter(({ url }) => url.pathname.endsWith('/secrets'));
      expect(
        listed.every(({ url, method }) => method !== 'GET' || url.searchParams.get('fieldSelector') !== null),
      ).toBe(true);
    });

    test('a write of the status is no change', async () => {
      source = makeSource();
      await put(routeYaml('a'));
      await source.start(seen.receive);
      await client.json({
        method: 'PATCH',
        path: pathOf(KINDS.GatewayRoute, 'shop', 'a', 'status'),
        contentType: 'application/merge-patch+json',
        body: { status: { conditions: [] } },
      });
      await eventually(() =>
        expect(source.observed.get('GatewayRoute/shop/a')?.status).toEqual({ conditions: [] }),
      );
      expect(seen.changes).toHaveLength(1);
    });

    test('an object deleted and made again is another one', async () => {
      source = makeSource();
      await put(routeYaml('a'));
      await source.start(seen.receive);
      const before = seen.objects.get('GatewayRoute/shop/a')!.version;
      await clear('shop');
      await put(routeYaml('a'));
      await eventually(() => expect(seen.objects.get('GatewayRoute/shop/a')?.version).not.toBe(before));
    });

    test('namespaces that begin or cease to fit the selector', async () => {
      source = makeSource({ namespaces: [], namespaceSelector: 'team=shop' });
      await put(routeYaml('a'));
      await put(routeYaml('b').replace('namespace: shop', 'namespace: other'));
      await source.start(seen.receive);
      const routes = () => seen.keys.filter((key) => key.startsWith('GatewayRoute/'));
      expect(routes()).toEqual(['GatewayRoute/shop/a']);
      await cluster.kubectl('label', '--overwrite', 'namespace', 'other', 'team=shop');
      await eventually(() => expect(routes()).toEqual(['GatewayRoute/other/b', 'GatewayRoute/shop/a']));
      await cluster.kubectl('label', '--overwrite', 'namespace', 'other', 'team=other');
      await eventually(() => expect(routes()).toEqual(['GatewayRoute/shop/a']));
    });

    test('a Secret that the gateway itself refers to, in a namespace that does not fit', async () => {
      const of = [{ secretRef: { name: 'own-tls' } }];
      source = makeSource({
        ...{ namespaces: [], namespaceSelector: 'team=shop' },
        references: [{ namespace: 'other', of }],
      });
      const putSecret = (text: string) =>
        cluster.apply({
          ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'own-tls', namespace: 'other' } },
          stringData: { text },
        });
      await putSecret('one');
      await put(routeYaml('b').replace('namespace: shop', 'namespace: other'));
      await source.start(seen.receive);
      expect(seen.keys).toContain('Secret/other/own-tls');
      expect(seen.keys).not.toContain('GatewayRoute/other/b');
      await cluster.kubectl('label', '--overwrite', 'namespace', 'other', 'team=shop');
      await eventually(() => expect(seen.keys).toContain('GatewayRoute/other/b'));
      await cluster.kubectl('label', '--overwrite', 'namespace', 'other', 'team=other');
      await eventually(() => expect(seen.keys).not.toContain('GatewayRoute/other/b'));
      expect(seen.keys).toContain('Secret/other/own-tls');
      const before = seen.objects.get('Secret/other/own-tls')!.version;
      await putSecret('two');
      await eventually(() => expect(seen.objects.get('Secret/other/own-tls')?.version).not.toBe(before));
      await cluster.kubectl('delete', '-n', 'other', 'secret', 'own-tls');
    });

    test('waits for the API server, however long it takes', async () => {
      source = makeSource();
      await put(routeYaml('a'));
      proxy.fault = () => ({ kind: 'reset' });
      proxy.resetAll();
      const started = source.start(seen.receive);
      await sleep(500);
      expect(seen.changes).toEqual([]);
      proxy.fault = () => null;
      await started;
      expect(seen.keys).toContain('GatewayRoute/shop/a');
    });

    test('stops while it waits', async () => {
      source = makeSource();
      proxy.fault = () => ({ kind: 'silence' });
      const started = source.start(seen.receive);
      await sleep(50);
      await source.stop();
      await started;
      proxy.fault = () => null;
      expect(seen.changes).toEqual([]);
    });
  });
});
