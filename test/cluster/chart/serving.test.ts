import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterIsLocal, clusterUnavailable, fetchInside, waitUntil } from '../index.ts';
import { Gate, NAME } from '../survive/gate.ts';
import { routeObject, toService } from '../survive/objects.ts';

const namespace = 'chart-serving';
const ZONE = 'zone-a';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

interface Answer {
  readonly status: number;
  readonly pod: string | undefined;
}

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())(
  'pods as the chart makes them',
  () => {
    let gate: Gate;

    /** What each replica says to some requests for the host of a route. */
    const ask = async (route: string, path: string, count = 1): Promise<readonly (readonly Answer[])[]> => {
      const replicas = await gate.replicas();
      return await Promise.all(
        replicas.map(async ({ address }) => {
          const headers = { host: `${route}.example.com` };
          const replies = await fetchInside(gate.cluster, `http://${address}:8080${path}`, {
            headers,
            count,
          });
          return replies.map(({ status, body }) => ({ status, pod: /"pod":"([^"]+)"/.exec(body)?.[1] }));
        }),
      );
    };
    const everybodySays = (route: string, path: string, status: number) =>
      waitUntil(
        async () => {
          const all = (await ask(route, path)).flat();
          return all.length > 0 && all.every((answer) => answer.status === status);
        },
        { what: `${status} of every replica for ${route} ${path}`, intervalMs: 500 },
      );
    const programmed = (what: string) =>
      gate.kubectl('wait', '--for=condition=Programmed', what, '--timeout=180s');

    beforeAll(async () => {
      gate = await Gate.install(namespace, { secrets: { namespaces: [namespace] } }, async ({ cluster }) => {
        await cluster.kubectl('label', 'nodes', '--all', '--overwrite', `${ZONE_LABEL}=${ZONE}`);
      });
    });
    afterAll(async () => {
      await gate?.cluster.kubectl('label', 'nodes', '--all', `${ZONE_LABEL}-`);
      await gate?.remove();
    });

    test('read a document from a ConfigMap, follow its changes, and read no other', async () => {
      const document = (operation: string) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'orders', namespace },
        data: {
          'openapi.yaml': JSON.stringify({
            openapi: '3.1.0',
            info: { title: 'Orders', version: '1' },
            paths: { [operation]: { get: { responses: { 200: { description: 'Fine.' } } } } },
          }),
        },
      });
      const validate = { openapi: { configMapRef: { name: 'orders', key: 'openapi.yaml' } } };
      await gate.cluster.apply(
        document('/orders'),
        routeObject(namespace, 'orders', [{ ...toService('echo'), policies: [{ validate }] }]),
      );
      await programmed('gatewayroute/orders');
      await everybodySays('orders', '/orders', 200);
      await everybodySays('orders', '/carts', 404);
      await gate.cluster.apply(document('/carts'));
      await everybodySays('orders', '/carts', 200);
      await everybodySays('orders', '/orders', 404);
      const as = `system:serviceaccount:${namespace}:${NAME}`;
      const may = await gate.cluster.run(
        'kubectl',
        ['auth', 'can-i', 'patch', 'configmaps', '--as', as, '-n', namespace],
        { allowFailure: true },
      );
      expect(may.stdout.trim()).toBe('no');
    });

    test('say of a Consumer when every replica knows it', async () => {
      const key = { secretRef: { name: 'alice', key: 'key' } };
      const consumer = (name: string, credentials: readonly object[]) => ({
        ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer', metadata: { name, namespace } },
        spec: { credentials },
      });
      await gate.cluster.apply(
        {
          ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'alice', namespace } },
          stringData: { key: 'the-key-of-alice' },
        },
        consumer('alice', [{ apiKey: key }]),
      );
      await programmed('consumer/alice');
      const text = await gate.kubectl('get', 'consumer', 'alice', '-o', 'json');
      const { metadata, status } = JSON.parse(text) as {
        metadata: { generation: number };
        status: { conditions: readonly { type: string; status: string; observedGeneration: number }[] };
      };
      expect(Object.fromEntries(status.conditions.map((one) => [one.type, one.status]))).toEqual({
        Accepted: 'True',
        ResolvedRefs: 'True',
        Programmed: 'True',
      });
      expect(status.conditions.map((one) => one.observedGeneration)).toEqual(
        [1, 1, 1].map(() => metadata.generation),
      );
      await gate.cluster.apply(consumer('bob', [{ apiKey: { secretRef: { name: 'nobody', key: 'key' } } }]));
      await gate.kubectl('wait', '--for=condition=ResolvedRefs=False', 'consumer/bob', '--timeout=180s');
    });

    test('know their zone, and prefer endpoints that are for it', async () => {
      const pods = await gate.pods('app=echo');
      const slice = (ready: boolean) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'zoned', namespace, labels: { 'kubernetes.io/service-name': 'zoned' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: [ZONE, 'zone-b', 'zone-b'].map((zone, index) => ({
          ...{ addresses: [pods[index]!.address], zone, hints: { forZones: [{ name: zone }] } },
          conditions: { ready: ready || zone !== ZONE },
        })),
      });
      await gate.cluster.apply(
        {
          ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'zoned', namespace } },
          spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
        },
        slice(true),
        routeObject(namespace, 'zoned', [toService('zoned')]),
      );
      await everybodySays('zoned', '/', 200);
      const answered = async () =>
        new Set((await ask('zoned', '/', 20)).flat().map(({ status, pod }) => `${status} ${pod}`));
      const [near, ...far] = pods.map(({ name }) => `200 ${name}`);
      expect(await answered()).toEqual(new Set([near]));
      await gate.cluster.apply(slice(false));
      await waitUntil(async () => !(await answered()).has(near!), { what: 'the other zone' });
      expect(await answered()).toEqual(new Set(far));
    });

    test('take the hints that Kubernetes makes', async () => {
      await gate.kubectl(
        'patch',
        'service',
        'echo',
        '-p',
        '{"spec":{"trafficDistribution":"PreferSameZone"}}',
      );
      const hints = () =>
        gate.kubectl(
          ...['get', 'endpointslices', '-l', 'kubernetes.io/service-name=echo'],
          ...['-o', 'jsonpath={.items[*].endpoints[*].hints.forZones[*].name}'],
        );
      await waitUntil(async () => (await hints()) === [ZONE, ZONE, ZONE].join(' '), { what: 'hints' });
      const counts = async () => new Set((await ask('echo', '/', 30)).flat().map(({ pod }) => pod));
      await waitUntil(async () => (await counts()).size === 3, { what: 'all pods of the zone' });
    });

    test('share a limit among as many as there are, however many that becomes', async () => {
      const limit = (name: string) => ({
        apiVersion: 'portreeve.dev/v1alpha1',
        kind: 'RateLimitPolicy',
        metadata: { name, namespace },
        spec: { scope: 'replicas', limits: [{ name: 'all', key: [{ route: {} }], windows: { day: 12 } }] },
      });
      const limited = async (name: string): Promise<void> => {
        const policies = [{ rateLimit: { ref: name } }];
        await gate.cluster.apply(
          limit(name),
          routeObject(namespace, name, [{ ...toService('echo'), policies }]),
        );
        await programmed(`gatewayroute/${name}`);
      };
      const admitted = async (name: string) =>
        (await ask(name, '/', 15)).map((answers) => answers.filter(({ status }) => status === 200).length);
      await limited('two');
      expect(await admitted('two')).toEqual([6, 6]);
      await gate.kubectl('scale', `deployment/${NAME}`, '--replicas=3');
      await gate.kubectl('rollout', 'status', `deployment/${NAME}`, '--timeout=180s');
      // Each looks every five seconds, past what its node's resolver remembers.
      let round = 0;
      await waitUntil(
        async () => {
          round += 1;
          await limited(`three-${round}`);
          const each = await admitted(`three-${round}`);
          return each.length === 3 && each.every((one) => one === 4);
        },
        { what: 'shares of three', intervalMs: 3_000 },
      );
    });
  },
);
