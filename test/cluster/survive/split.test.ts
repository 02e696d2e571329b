import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterIsLocal, clusterUnavailable, waitUntil } from '../index.ts';
import { CONTROLLERS, Gate, NAME, REPLICAS } from './gate.ts';
import { expectNoFailure } from './load.ts';
import { routeObject, toService } from './objects.ts';

const CONTROLLER = `${NAME}-controller`;
const respond = (status: number): object => ({ respond: { status } });

describe.skipIf(clusterUnavailable() !== undefined)('data planes apart from their controllers', () => {
  let gate: Gate;

  beforeAll(async () => {
    const namespace = 'survive-split';
    gate = await Gate.install(namespace, { shape: 'split', secrets: { namespaces: [namespace] } });
  });
  afterAll(() => gate?.remove());

  const put = (name: string, status: number) =>
    gate.cluster.apply(routeObject(gate.namespace, name, [respond(status)]));
  const answers = (name: string, status: number) =>
    waitUntil(
      async () => {
        const replicas = await gate.replicas();
        const all = await Promise.all(replicas.map(({ address }) => gate.statusFrom(address, name)));
        return all.length > 0 && all.every((one) => one === status);
      },
      { what: `${status} of every data plane for ${name}`, intervalMs: 500 },
    );
  const programmed = (name: string) =>
    gate.kubectl('wait', '--for=condition=Programmed', `gatewayroute/${name}`, '--timeout=180s');
  const controllers = async (replicas: number): Promise<void> => {
    await gate.kubectl('scale', `deployment/${CONTROLLER}`, `--replicas=${replicas}`);
    await waitUntil(async () => (await gate.pods(CONTROLLERS)).length === replicas, {
      what: `${replicas} controllers`,
    });
    if (replicas > 0) await gate.kubectl('rollout', 'status', `deployment/${CONTROLLER}`, '--timeout=180s');
  };
  const connected = (to: number) =>
    waitUntil(
      async () => {
        const all = await gate.metric('gateway_controller_connected');
        return all.length === 2 && all.every((one) => one === to);
      },
      { what: `gateway_controller_connected ${to}`, intervalMs: 500 },
    );

  test('have found a controller by its name, and no rights at the API server', async () => {
    await connected(1);
    const account = `system:serviceaccount:${gate.namespace}:${NAME}-data-plane`;
    for (const [verb, what] of [
      ['list', 'gatewayroutes.portreeve.dev'],
      ['get', 'secrets'],
      ['list', 'services'],
      ['create', 'tokenreviews.authentication.k8s.io'],
    ] as const) {
      const { stdout } = await gate.cluster.run(
        'kubectl',
        ['auth', 'can-i', verb, what, '--as', account, '-n', gate.namespace],
        { allowFailure: true },
      );
      expect([verb, what, stdout.trim()]).toEqual([verb, what, 'no']);
    }
    for (const { address } of await gate.pods(CONTROLLERS))
      expect(await gate.metricOf(address, 'gateway_stream_certificate_expiry_seconds')).toBeGreaterThan(0);
    const [pod] = await gate.replicas();
    const mounts = await gate.kubectl(
      'get',
      'pod',
      pod!.name,
      '-o',
      'jsonpath={..volumeMounts[*].mountPath}',
    );
    expect(mounts).not.toContain('kubernetes.io/serviceaccount');
  });

  test('take a change, and the status says when all of them have', async () => {
    await put('change', 200);
    await answers('change', 200);
    await put('change', 418);
    await answers('change', 418);
    await programmed('change');
  });

  test('lose no request while a backend is replaced', async () => {
    const load = await gate.load(200);
    await gate.replaced('app=echo', () => gate.restart('echo'));
    await load.more(200);
    const counts = await load.stop();
    expectNoFailure(counts);
    expect(Object.keys(counts.pods).length).toBeGreaterThanOrEqual(6);
  });

  test('lose no request while a Secret is rotated', async () => {
    const { cluster, namespace } = gate;
    const secret = (keys: Readonly<Record<string, string>>) =>
      cluster.apply({
        ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'alice', namespace } },
        stringData: keys,
      });
    const keys = (...names: readonly string[]) =>
      names.map((key) => ({ apiKey: { secretRef: { name: 'alice', key } } }));
    await secret({ one: 'first-key-of-alice', two: 'second-key-of-alice' });
    await cluster.apply(
      {
        ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: { name: 'alice', namespace } },
        spec: { credentials: keys('one', 'two') },
      },
      routeObject(namespace, 'secret', [{ ...toService('echo'), policies: [{ apiKey: {} }] }]),
    );
    const takes = (key: string, status: number) =>
      waitUntil(
        async () => {
          const replicas = await gate.replicas();
          const headers = { 'x-api-key': key };
          const all = await Promise.all(
            replicas.map(({ address }) => gate.statusFrom(address, 'secret', headers)),
          );
          return all.length > 0 && all.every((one) => one === status);
        },
        { what: `${status} of every data plane for ${key}`, intervalMs: 250 },
      );
    await takes('first-key-of-alice', 200);
    const host = 'secret.example.com';
    const load = await gate.load(200, { host, headers: { 'x-api-key': 'first-key-of-alice' } });
    let old = 'second-key-of-alice';
    for (let round = 1; round <= 5; round++) {
      const fresh = `key-${round}-of-alice`;
      await secret({ one: 'first-key-of-alice', two: fresh });
      await takes(fresh, 200);
      await takes(old, 401);
      old = fresh;
    }
    await load.more(100);
    expectNoFailure(await load.stop());
  });

  test('lose no request while the controllers are replaced', async () => {
    const load = await gate.load(200);
    await gate.replaced(CONTROLLERS, () => gate.restart(CONTROLLER));
    await connected(1);
    await put('change', 200);
    await answers('change', 200);
    await programmed('change');
    await load.more(100);
    expectNoFailure(await load.stop());
  });

  test('lose no request while they are replaced themselves', async () => {
    const load = await gate.load(200);
    await gate.replaced(REPLICAS, () => gate.restart(NAME));
    await load.more(100);
    expectNoFailure(await load.stop());
    await programmed('change');
  });

  test('lose no request while the release goes to one shape and back', async () => {
    const load = await gate.load(200);
    await gate.replaced(REPLICAS, () => gate.upgrade({ shape: 'combined' }));
    await put('change', 200);
    await answers('change', 200);
    await programmed('change');
    expect(await gate.pods(CONTROLLERS)).toEqual([]);
    await gate.replaced(REPLICAS, () => gate.upgrade({ shape: 'split' }));
    await connected(1);
    await put('change', 418);
    await answers('change', 418);
    await programmed('change');
    await load.more(100);
    expectNoFailure(await load.stop());
  });

  test.skipIf(!clusterIsLocal())(
    'serve on without a controller, and start from the last good table on disk',
    async () => {
      await put('change', 200);
      await answers('change', 200);
      const load = await gate.load(200);
      await controllers(0);
      await connected(0);
      await put('change', 404);
      await load.more(400);
      expectNoFailure(await load.stop());
      const [pod] = await gate.replicas();
      await gate.killContainer(pod!.name);
      expect(await gate.statusFrom(pod!.address, 'change')).toBe(200);
      expect(await gate.statusFrom(pod!.address, 'echo')).toBe(200);
      expect(await gate.metricOf(pod!.address, 'gateway_saved_table_served')).toBe(1);
      expect((await gate.admin(pod!.address, '/readyz')).body).toContain('controllerAway');
      const again = await gate.load(200);
      await controllers(2);
      await connected(1);
      await put('change', 418);
      await answers('change', 418);
      await programmed('change');
      await again.more(100);
      expectNoFailure(await again.stop());
      expect(await gate.metric('gateway_saved_table_served')).toEqual([0, 0]);
    },
  );
});
