import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { type KubeKind, pathOf } from '../../../src/sources/kubernetes/client/object.ts';
import { KINDS } from '../../../src/sources/kubernetes/kinds.ts';
import {
  backendObjects,
  type Cluster,
  clusterIsLocal,
  clusterUnavailable,
  customResourcesEstablished,
  startCluster,
  waitUntil,
} from '../index.ts';
import { FaultProxy } from './fault-proxy.ts';
import { GatewayProcess } from './gateway-process.ts';

const namespace = 'scale-test';
const crds = [...customResourceDefinitions(policyCatalogue).values()];
const ROUTES = 10_000;
const AT_ONCE = 32;
/** Updates, as fast as the API server takes them: 500 a second where nothing else runs. */
const STORM = 2_000;

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())('a large cluster', () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let client: ApiClient;
  let gateway: GatewayProcess | null = null;

  const put = (kind: KubeKind, name: string, content: object): Promise<unknown> =>
    client.json({
      method: 'PATCH',
      path: pathOf(kind, namespace, name),
      query: { fieldManager: 'test', force: true },
      timeoutMs: 120_000,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace }, ...content },
    });
  const putRoute = (name: string, rules: readonly object[]) =>
    put(KINDS.GatewayRoute, name, { spec: { hosts: [`${name}.example.com`], rules } });
  /** So many calls of `work`, some of them at once. */
  const many = async (count: number, work: (index: number) => Promise<unknown>): Promise<void> => {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) await work(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...crds);
    await customResourcesEstablished(cluster);
    await cluster.apply(...backendObjects({ name: 'echo', namespace, replicas: 1 }));
    await cluster.kubectl('rollout', 'status', '-n', namespace, 'deployment/echo', '--timeout=180s');
    proxy = await FaultProxy.start(cluster);
    client = new ApiClient(proxy.kubeconfigPath);
    await many(ROUTES, (index) =>
      putRoute(`r${index}`, [
        index === 5_000
          ? { matches: [{ path: { regex: '(a' } }], respond: { status: 200 } }
          : { backends: [{ service: { name: 'echo', port: 'http' } }] },
      ]),
    );
  });
  afterAll(async () => {
    await gateway?.stop('SIGKILL');
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false');
    await client?.close();
    await proxy?.stop();
    await cluster?.stop();
  });

  const statusOf = (host: string): Promise<number> =>
    gateway!.get('/', { host: `${host}.example.com` }).then((reply) => reply.status);

  test('a cold start with 10,000 routes, of which one is bad', async () => {
    gateway = GatewayProcess.spawn(cluster, { identity: 'one', args: ['--namespace', namespace] });
    await gateway.ready();
    expect(gateway.events('ready')).toMatchObject([{ routes: ROUTES }]);
    expect([await statusOf('r0'), await statusOf('r9999')]).toEqual([200, 200]);
    // A pattern that can't be read matches nothing.
    expect([await statusOf('r5000'), gateway.events('finding')]).toMatchObject([
      404,
      [{ code: 'regexRefused', object: `GatewayRoute/${namespace}/r5000` }],
    ]);
    // Before the requests, so that each status that was counted is among them.
    const statuses = (await gateway.metric('gateway_status_writes'))!;
    const requests = (await gateway.metric('gateway_source_requests'))!;
    // 20 pages of routes, a list and a watch for each kind; the lease, events and statuses, which the machine's pace decides on.
    expect(requests - statuses).toBeLessThan(1_000);
  });

  test('one route of many changes while all their statuses are being written', async () => {
    await putRoute('r7', [{ respond: { status: 418 } }]);
    await waitUntil(async () => (await statusOf('r7')) === 418, { what: 'the change' });
    await client.json({ method: 'DELETE', path: pathOf(KINDS.GatewayRoute, namespace, 'r8') });
    await waitUntil(async () => (await statusOf('r8')) === 404, {
      what: 'the deletion',
    });
  });

  test('a storm of EndpointSlices costs no request', async () => {
    const slices = Array.from({ length: 50 }, (_, index) => `storm-${index}`);
    let updates = 0;
    let blowing = true;
    let failed = 0;
    let sent = 0;
    const storm = async (name: string): Promise<void> => {
      while (updates < STORM) {
        updates += 1;
        await put(KINDS.EndpointSlice, name, {
          metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
          addressType: 'IPv4',
          ports: [{ name: 'http', port: 80 }],
          endpoints: [{ addresses: [`10.244.0.${(updates % 200) + 20}`], conditions: { ready: true } }],
        });
      }
    };
    const traffic = async (): Promise<void> => {
      while (blowing) {
        sent += 1;
        if ((await statusOf('r0')) !== 200) failed += 1;
      }
    };
    const calm = Promise.all(slices.map(storm)).finally(() => {
      blowing = false;
    });
    await Promise.all([calm, traffic()]);
    expect([failed, sent > 0]).toEqual([0, true]);
  });

  test('at rest nothing but watches and the lease', { timeout: 1_500_000 }, async () => {
    await waitUntil(async () => (await gateway!.metric('gateway_status_waiting')) === 0, {
      what: 'all statuses to be written',
      timeoutMs: 1_200_000,
      intervalMs: 1_000,
    });
    /** Requests in a while, beyond one renewal of the lease every two seconds. */
    const excess = async (): Promise<number> => {
      const before = (await gateway!.metric('gateway_source_requests'))!;
      const startedAtMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      const requests = (await gateway!.metric('gateway_source_requests'))! - before;
      return requests - Math.ceil((performance.now() - startedAtMs) / 2_000) - 1;
    };
    // The first while has what was on its way, and one may have the end of a watch, which begins again.
    const seen: number[] = [];
    while (seen.length < 4 && (seen.at(-1) ?? 1) > 0) seen.push(await excess());
    expect(Math.min(...seen), `beyond the lease: ${seen.join(', ')}`).toBeLessThanOrEqual(0);
    const { status } = await client.json<{ status?: { conditions?: { type: string; status: string }[] } }>({
      path: pathOf(KINDS.GatewayRoute, namespace, 'r5000'),
    });
    expect(status?.conditions?.find(({ type }) => type === 'Accepted')?.status).toBe('False');
  });
});
