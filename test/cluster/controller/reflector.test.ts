import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import type { KubeKind } from '../../../src/sources/kubernetes/client/object.ts';
import {
  Reflector,
  type ReflectorDelta,
  type ReflectorFailure,
  type ReflectorTiming,
} from '../../../src/sources/kubernetes/reflector.ts';
import { type Cluster, clusterIsLocal, clusterUnavailable, startCluster } from '../index.ts';
import { FaultProxy } from './fault-proxy.ts';

const namespace = 'reflector-test';
const configMaps: KubeKind = { kind: 'ConfigMap', apiVersion: 'v1', plural: 'configmaps' };
const fast: Partial<ReflectorTiming> = { backoffBaseMs: 20, backoffMaxMs: 200, stableMs: 1_000 };

/** What the deltas add up to. */
class Copy {
  readonly objects = new Map<string, string>();
  readonly deltas: ReflectorDelta[] = [];
  readonly failures: ReflectorFailure[] = [];

  readonly take = (delta: ReflectorDelta): void => {
    this.deltas.push(delta);
    for (const { name } of delta.remove) this.objects.delete(name);
    for (const { metadata, data } of delta.upsert) {
      this.objects.set(metadata.name, (data as { value?: string } | undefined)?.value ?? '');
    }
  };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 180_000, interval: 10 });

describe.skipIf(clusterUnavailable() !== undefined)('a reflector', () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let client: ApiClient;
  let direct: ApiClient;
  let directProxy: FaultProxy;
  let copy: Copy;
  let reflector: Reflector;

  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const put = (name: string, value: string) =>
    direct.json({
      method: 'PATCH',
      path: `${path}/${name}`,
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } },
    });
  const remove = (name: string) => direct.json({ method: 'DELETE', path: `${path}/${name}` });
  const start = (timing: Partial<ReflectorTiming> = {}) => {
    reflector = new Reflector({
      client,
      kind: configMaps,
      selection: { namespace, labelSelector: '!kubernetes.io/ignored' },
      onDelta: copy.take,
      onFailure: (failure) => copy.failures.push(failure),
      timing: { ...fast, ...timing },
    });
    reflector.start();
  };
  /** With the watch open. */
  const started = async (timing: Partial<ReflectorTiming> = {}) => {
    start(timing);
    await eventually(() => expect(proxy.watches.size).toBe(1));
  };
  const theWatch = () => [...proxy.watches][0]!;
  const names = () => [...copy.objects.keys()].filter((name) => name !== 'kube-root-ca.crt').sort();

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    directProxy = await FaultProxy.start(cluster);
    direct = new ApiClient(directProxy.kubeconfigPath);
  });
  afterAll(async () => {
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false');
    await direct?.close();
    await directProxy?.stop();
    await cluster?.stop();
  });
  beforeEach(async () => {
    await direct.json({ method: 'DELETE', path });
    proxy = await FaultProxy.start(cluster);
    client = new ApiClient(proxy.kubeconfigPath);
    copy = new Copy();
  });
  afterEach(async () => {
    await reflector.stop();
    await client.close();
    await proxy.stop();
  });

  test('lists, then follows objects that come, change and go', async () => {
    await put('a', '1');
    await started();
    expect(reflector.state).toMatchObject({ synced: true, lists: 1 });
    await put('b', '1');
    await put('a', '2');
    await eventually(() => expect([copy.objects.get('a'), copy.objects.get('b')]).toEqual(['2', '1']));
    await remove('b');
    await eventually(() => expect(names()).toEqual(['a']));
    expect(reflector.state).toMatchObject({ lists: 1, watches: 1, failures: 0 });
    const { url } = proxy.requests.find((one) => one.watch)!;
    expect(url.searchParams.get('allowWatchBookmarks')).toBe('true');
    expect(Number(url.searchParams.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(url.searchParams.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });

  test('lists in pages', async () => {
    const many = Array.from({ length: 620 }, (_, index) => `page-${String(index).padStart(4, '0')}`);
    for (let at = 0; at < many.length; at += 62)
      await Promise.all(many.slice(at, at + 62).map((name) => put(name, '')));
    await started();
    expect(names()).toEqual(many);
    const lists = proxy.requests.filter((one) => !one.watch);
    expect(lists).toHaveLength(2);
    expect(lists.every(({ url }) => url.searchParams.get('limit') === '500')).toBe(true);
  });

  test('goes on where it was after a reset, without a new list', async () => {
    await started();
    theWatch().reset();
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
    await eventually(() => expect(copy.failures[0]?.step).toBe('watch'));
    expect(reflector.state).toMatchObject({ lists: 1, watches: 2 });
    // What failed before a watch that runs well is over, though the watch goes on.
    await eventually(() => expect(reflector.state.failures).toBe(0));
    expect(reflector.state.watches).toBe(2);
  });

  test('tells what a relist after 410 has changed, deletions included', async () => {
    await put('a', '1');
    await put('b', '1');
    await started();
    proxy.fault = ({ watch }) =>
      watch ? { kind: 'answer', status: 410, body: '{"kind":"Status","code":410,"reason":"Expired"}' } : null;
    theWatch().reset();
    await remove('a');
    await put('b', '2');
    await eventually(() => expect(reflector.state.lists).toBeGreaterThan(1));
    proxy.fault = () => null;
    await eventually(() => expect([names(), copy.objects.get('b')]).toEqual([['b'], '2']));
    expect(copy.deltas.flatMap((delta) => delta.remove.map((ref) => ref.name))).toEqual(['a']);
  });

  test.each([
    ['an ERROR 410 within', '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'],
    ['an ERROR 500 within', '{"type":"ERROR","object":{"kind":"Status","code":500}}\n'],
    ['a line that is no JSON', '{"type":"ADDED","object":{"metadata\n'],
    ['an event without an object', '{"type":"ADDED"}\n'],
  ])('lists again after %s', async (_, text) => {
    await started();
    theWatch().inject(text);
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
    expect(reflector.state.lists).toBe(2);
  });

  test('a line cut short by a reset is seen again in full', async () => {
    await started();
    theWatch().inject('{"type":"ADDED","object":{"metadata":{"na');
    theWatch().reset();
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
  });

  test('a bounded number of requests while every watch says ERROR 500', async () => {
    proxy.fault = ({ watch }) =>
      watch
        ? { kind: 'answer', status: 200, body: '{"type":"ERROR","object":{"kind":"Status","code":500}}\n' }
        : null;
    start();
    await eventually(() => expect(reflector.state.failures).toBeGreaterThanOrEqual(8));
    const first = proxy.requests[0]!.atMs;
    // 10, 20, 40, 80 ms at least, then 100 ms each: two requests a failure.
    const mostRequests = 2 * (4 + (performance.now() - first) / 100) + 2;
    expect(proxy.requests.length).toBeLessThan(mostRequests);
    proxy.fault = () => null;
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
  });

  test('a bounded number of requests while every watch ends at once', async () => {
    proxy.fault = ({ watch }) => (watch ? { kind: 'answer', status: 200, body: '' } : null);
    start();
    await eventually(() => expect(reflector.state.watches).toBeGreaterThanOrEqual(8));
    const lived = performance.now() - proxy.requests[0]!.atMs;
    expect(proxy.requests.length).toBeLessThan(6 + lived / 100);
    expect(reflector.state.lists).toBe(1);
    proxy.fault = () => null;
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
  });

  test.each([
    ['500', { kind: 'answer', status: 500, body: 'sorry' } as const],
    ['503', { kind: 'answer', status: 503, body: '{}' } as const],
    ['a reset', { kind: 'reset' } as const],
    ['HTML', { kind: 'answer', status: 200, body: '<html>' } as const],
  ])('never stops while the API server gives %s', async (_, fault) => {
    proxy.fault = () => fault;
    start();
    await eventually(() => expect(reflector.state.failures).toBeGreaterThanOrEqual(6));
    expect([reflector.state.synced, copy.deltas]).toEqual([false, []]);
    expect(proxy.requests.length).toBeLessThan(30);
    proxy.fault = () => null;
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
    proxy.fault = () => fault;
    proxy.resetAll();
    await eventually(() => expect(reflector.state.failures).toBeGreaterThanOrEqual(4));
    proxy.fault = () => null;
    await put('b', '1');
    await eventually(() => expect(names()).toEqual(['a', 'b']));
  });

  test('waits as long as 429 says', async () => {
    let refused = 0;
    proxy.fault = () =>
      refused++ === 0 ? { kind: 'answer', status: 429, headers: { 'retry-after': '2' }, body: '{}' } : null;
    await started();
    expect(proxy.requests[1]!.atMs - proxy.requests[0]!.atMs).toBeGreaterThanOrEqual(1_900);
  });

  test('a silent watch is given up, and missed events are found', async () => {
    await started({ silenceMs: 500 });
    theWatch().mute();
    await put('a', '1');
    await eventually(() => expect(names()).toEqual(['a']));
    expect(copy.failures[0]?.message).toMatch(/no byte/);
    expect(reflector.state.lists).toBe(1);
  });

  test('a kind that is not installed counts as empty, and is found when it is', async () => {
    const fault = { kind: 'answer', status: 404, body: '404 page not found' } as const;
    await put('a', '1');
    proxy.fault = () => fault;
    start({ absentMs: 300 });
    await eventually(() => expect(reflector.state.synced).toBe(true));
    expect(copy.deltas).toEqual([{ upsert: [], remove: [] }]);
    proxy.fault = () => null;
    await eventually(() => expect(names()).toEqual(['a']));
    proxy.fault = () => fault;
    proxy.resetAll();
    await eventually(() => expect(names()).toEqual([]));
    expect(reflector.state.failures).toBeGreaterThan(1);
  });

  test('a handler that throws stops nothing', async () => {
    const take = copy.take;
    let calls = 0;
    Object.assign(copy, {
      take: (delta: ReflectorDelta) => {
        calls += 1;
        if (calls === 2) throw new Error('handler');
        take(delta);
      },
    });
    await started();
    await put('a', '1');
    await eventually(() => expect(copy.failures).toMatchObject([{ step: 'handler', message: 'handler' }]));
    await put('b', '1');
    await eventually(() => expect(names()).toContain('b'));
  });

  test('thousands of requests of a test take few connections', async () => {
    await started();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let count = 0; count < 200; count += 1) await client.json({ path });
    expect(descriptors() - before).toBeLessThan(50);
  });

  test.runIf(clusterIsLocal())('an API server killed and brought back', async () => {
    if (cluster.kind !== 'local') return;
    await put('a', '1');
    await started();
    await cluster.killComponent('kube-apiserver', 'SIGKILL');
    await eventually(() => expect(reflector.state.failures).toBeGreaterThanOrEqual(5));
    const before = proxy.requests.length;
    expect(before).toBeLessThan(20);
    await cluster.startComponent('kube-apiserver');
    await put('b', '1');
    await eventually(() => expect(names()).toEqual(['a', 'b']));
  });
});
