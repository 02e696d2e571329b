import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import { createValidators } from '../../../src/resources/validate/validators.ts';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { type KubeKind, pathOf } from '../../../src/sources/kubernetes/client/object.ts';
import { KINDS } from '../../../src/sources/kubernetes/kinds.ts';
import type { ReflectorFailure } from '../../../src/sources/kubernetes/reflector.ts';
import { KubernetesSource } from '../../../src/sources/kubernetes/source.ts';
import { Consumer } from '../../contract/resource-source.ts';
import { type Cluster, clusterUnavailable, customResourcesEstablished, startCluster } from '../index.ts';
import { FaultProxy } from './fault-proxy.ts';

const namespace = 'secrets-test';
const account = 'reader';
const crds = [...customResourceDefinitions(policyCatalogue).values()];
const validators = createValidators(policyCatalogue);
const THOUSANDS = 3_000;
const AT_ONCE = 32;
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 180_000, interval: 20 });

describe.skipIf(clusterUnavailable() !== undefined)('Secrets that objects refer to', () => {
  let cluster: Cluster;
  /** Of the source. */
  let proxy: FaultProxy;
  let admin: ApiClient;
  let adminProxy: FaultProxy;
  let client: ApiClient;
  let source: KubernetesSource;
  let seen: Consumer;
  let failures: ReflectorFailure[];

  const put = (kind: KubeKind, name: string, content: object) =>
    admin.json({
      method: 'PATCH',
      path: pathOf(kind, namespace, name),
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name }, ...content },
    });
  const putSecret = (name: string, key: string) => put(KINDS.Secret, name, { stringData: { key } });
  const putConsumer = (name: string, secret = name) =>
    put(KINDS.Consumer, name, {
      spec: { credentials: [{ apiKey: { secretRef: { name: secret, key: 'key' } } }] },
    });
  const remove = (kind: KubeKind, name: string) =>
    admin.json({ method: 'DELETE', path: pathOf(kind, namespace, name) });
  const each = async (from: number, to: number, work: (name: string) => Promise<unknown>): Promise<void> => {
    let next = from;
    const worker = async (): Promise<void> => {
      while (next < to) await work(`c${next++}`);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  const secrets = () => seen.keys.filter((key) => key.startsWith('Secret/')).length;
  const keyOf = (name: string) => {
    const { data } = (seen.objects.get(`Secret/${namespace}/${name}`)?.object ?? {}) as {
      data?: { key?: string };
    };
    return data?.key === undefined ? undefined : atob(data.key);
  };
  const watchesOfSecrets = () =>
    [...proxy.watches]
      .filter(({ url }) => url.pathname.endsWith('/secrets'))
      .map(({ url }) => url.searchParams.get('fieldSelector'));
  /** Reads of single Secrets, by name. */
  const reads = () =>
    proxy.requests.flatMap(({ url }) => /\/secrets\/([^/]+)$/.exec(url.pathname)?.[1] ?? []);
  /** Lists of Secrets with all that they hold, by what they leave out. */
  const pagesOfSecrets = () =>
    proxy.requests
      .filter(
        ({ url, accept, watch }) => url.pathname.endsWith('/secrets') && !watch && !accept.includes('as='),
      )
      .map(({ url }) => url.searchParams.get('fieldSelector'));
  const start = async (
    kubeconfig = proxy.kubeconfigPath,
    references?: readonly { namespace: string; of: unknown }[],
  ) => {
    client = new ApiClient(kubeconfig);
    source = new KubernetesSource({
      ...{ client, validators, namespaces: [namespace], namespaceSelector: null },
      ...(references !== undefined && { references }),
      onFailure: (failure) => failures.push(failure),
      timing: { backoffBaseMs: 20, backoffMaxMs: 200 },
    });
    await source.start(seen.receive);
  };

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...crds);
    await customResourcesEstablished(cluster);
    adminProxy = await FaultProxy.start(cluster);
    admin = new ApiClient(adminProxy.kubeconfigPath);
  });
  afterAll(async () => {
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false');
    await admin?.close();
    await adminProxy?.stop();
    await cluster?.stop();
  });
  beforeEach(async () => {
    for (const kind of [KINDS.Consumer, KINDS.Secret])
      await admin.json({ method: 'DELETE', path: pathOf(kind, namespace) });
    proxy = await FaultProxy.start(cluster);
    seen = new Consumer();
    failures = [];
  });
  afterEach(async () => {
    await source.stop();
    await client.close();
    await proxy.stop();
  });

  test('thousands cost one watch, a little memory, and no request at rest', async () => {
    await each(0, THOUSANDS, (name) => putSecret(name, 'first'));
    await putSecret('unused', 'first');
    await each(0, THOUSANDS, putConsumer);
    const before = usedHeap();
    const beganMs = performance.now();
    await start();
    console.info(`${THOUSANDS} Consumers with a Secret each: ${Math.round(performance.now() - beganMs)} ms`);
    expect(secrets()).toBe(THOUSANDS);
    await eventually(() => expect(watchesOfSecrets()).toEqual([null]));
    expect(source.states().filter(({ kind }) => kind === 'Secret')).toMatchObject([
      { objects: THOUSANDS, failures: 0 },
    ]);
    // What nobody refers to is not read: the pages leave it out.
    expect([reads(), new Set(pagesOfSecrets())]).toEqual([[], new Set(['metadata.name!=unused'])]);
    // A Consumer and a Secret, as objects and with what is known of them.
    expect((usedHeap() - before) / THOUSANDS).toBeLessThan(24_000);

    const requests = proxy.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(proxy.requests.length).toBe(requests);

    await putSecret('unused', 'second');
    await putSecret('c7', 'second');
    await eventually(() => expect(keyOf('c7')).toBe('second'));
    await remove(KINDS.Secret, 'c8');
    await eventually(() => expect(secrets()).toBe(THOUSANDS - 1));
    expect(proxy.requests.length).toBe(requests + 1);
    expect(failures).toEqual([]);
  });

  test('few have a watch each, many one, and none is lost where one becomes the other', async () => {
    await each(0, 5, (name) => putSecret(name, 'first'));
    await each(0, 5, putConsumer);
    await start();
    const byName = Array.from({ length: 5 }, (_, index) => `metadata.name=c${index}`);
    await eventually(() => expect(watchesOfSecrets().sort()).toEqual(byName));
    await each(5, 40, (name) => putSecret(name, 'first'));
    await each(5, 40, putConsumer);
    await eventually(() => expect([secrets(), watchesOfSecrets()]).toEqual([40, [null]]));
    await each(0, 40, (name) => putSecret(name, 'second'));
    await eventually(() => expect([keyOf('c0'), keyOf('c39')]).toEqual(['second', 'second']));
    // Two go in the moment in which the others come back to watches by name.
    await Promise.all([
      each(4, 40, (name) => remove(KINDS.Consumer, name)),
      remove(KINDS.Secret, 'c0'),
      remove(KINDS.Secret, 'c30'),
    ]);
    await eventually(() => expect([secrets(), watchesOfSecrets().length]).toEqual([3, 4]));
    await putSecret('c1', 'third');
    await putSecret('c0', 'third');
    await eventually(() => expect([keyOf('c0'), keyOf('c1')]).toEqual(['third', 'third']));
    expect(failures).toEqual([]);
  });

  test("what the gateway's own configuration names is there from the start, and follows its changes", async () => {
    await putSecret('issuer', 'first');
    await putSecret('unused', 'first');
    await start(undefined, [{ namespace, of: [{ keys: [{ secretRef: { name: 'issuer', key: 'key' } }] }] }]);
    expect([secrets(), keyOf('issuer')]).toEqual([1, 'first']);
    await putSecret('issuer', 'second');
    await eventually(() => expect(keyOf('issuer')).toBe('second'));
    await putConsumer('c', 'issuer');
    await eventually(() => expect(seen.keys).toContain(`Consumer/${namespace}/c`));
    await remove(KINDS.Consumer, 'c');
    await eventually(() => expect(seen.keys).not.toContain(`Consumer/${namespace}/c`));
    expect(secrets()).toBe(1);
    await remove(KINDS.Secret, 'issuer');
    await eventually(() => expect(secrets()).toBe(0));
    expect(failures.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  test('where rights are by name, many have a watch each, and the log says so', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
    const rule = (apiGroup: string, resources: readonly string[], more: object = {}) => ({
      ...{ apiGroups: [apiGroup], resources, verbs: ['get', 'list', 'watch'] },
      ...more,
    });
    const metadata = { name: account, namespace };
    const rbac = 'rbac.authorization.k8s.io';
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        ...{ apiVersion: `${rbac}/v1`, kind: 'Role', metadata },
        rules: [
          rule('portreeve.dev', ['gatewayroutes', 'ratelimitpolicies', 'consumers']),
          rule('', ['services']),
          rule('discovery.k8s.io', ['endpointslices']),
          rule('', ['secrets'], { resourceNames: names }),
        ],
      },
      {
        ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata },
        roleRef: { apiGroup: rbac, kind: 'Role', name: account },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      },
    );
    const token = (await cluster.kubectl('create', 'token', account, '-n', namespace)).trim();
    await each(0, 30, (name) => putSecret(name, 'first'));
    await each(0, 30, putConsumer);
    await start(proxy.kubeconfigFor(token));
    await eventually(() => expect([secrets(), watchesOfSecrets().length]).toEqual([30, 30]));
    expect(failures).toMatchObject([
      {
        kind: 'Secret',
        step: 'list',
        forbidden: true,
        message: expect.stringMatching(/30 objects of namespace/),
      },
    ]);
    await putSecret('c29', 'second');
    await eventually(() => expect(keyOf('c29')).toBe('second'));
  });

  test('many among more that nobody refers to are read each by itself', async () => {
    await each(0, 150, (name) => putSecret(name, 'first'));
    await each(0, 120, putConsumer);
    await start();
    const names = Array.from({ length: 120 }, (_, index) => `c${index}`);
    expect([secrets(), reads().sort(), pagesOfSecrets()]).toEqual([120, names.sort(), []]);
  });

  test('where pages of them fail, each is read by itself, and one that fails there costs no other', async () => {
    await each(0, 150, (name) => putSecret(name, 'first'));
    await each(0, 150, putConsumer);
    proxy.fault = ({ url, accept, watch }) => {
      const page = url.pathname.endsWith('/secrets') && !watch && !accept.includes('as=');
      return page || url.pathname.endsWith('/secrets/c3')
        ? { kind: 'answer', status: 500, body: '{}' }
        : null;
    };
    await start();
    await eventually(() => expect(secrets()).toBe(149));
    expect(failures[0]).toMatchObject({
      kind: 'Secret',
      step: 'read',
      message: expect.stringMatching(/^reading 150 together: /),
    });
    proxy.fault = () => null;
    await eventually(() => expect(keyOf('c3')).toBe('first'));
    await eventually(() => expect(source.states().every((state) => state.failures === 0)).toBe(true));
    // One that changes is read by itself, and no page again.
    const pages = pagesOfSecrets().length;
    await putSecret('c4', 'second');
    await eventually(() => expect(keyOf('c4')).toBe('second'));
    expect(pagesOfSecrets().length).toBe(pages);
  });

  test('a read that fails is tried again', async () => {
    await each(0, 30, (name) => putSecret(name, 'first'));
    await each(0, 30, putConsumer);
    proxy.fault = ({ url }) =>
      url.pathname.endsWith('/secrets/c3') ? { kind: 'answer', status: 500, body: '{}' } : null;
    await start();
    await eventually(() => expect(secrets()).toBe(29));
    expect(failures[0]).toMatchObject({ kind: 'Secret', step: 'read', forbidden: false });
    proxy.fault = () => null;
    await eventually(() => expect(keyOf('c3')).toBe('first'));
    await eventually(() => expect(source.states().every((state) => state.failures === 0)).toBe(true));
  });
});

/** Bytes in use after a collection. */
function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
