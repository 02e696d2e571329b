import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, clusterIsLocal, clusterUnavailable, waitUntil } from '../index.ts';
import { nodeIp } from '../settings.ts';
import { Gate, NAME } from './gate.ts';
import { expectNoFailure } from './load.ts';

const namespace = 'survive-autoscaling';
const METRICS_PORT = 6_444;
const METRICS_API = 'v1beta1.metrics.k8s.io';
const script = fileURLToPath(new URL('./metrics-api.ts', import.meta.url));

/** Where the API server finds the pods' usage: a Service whose endpoint is a program beside it. */
function metricsObjects(): readonly object[] {
  const metadata = { name: 'metrics', namespace };
  return [
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { ports: [{ name: 'https', port: 443, targetPort: METRICS_PORT, protocol: 'TCP' }] },
    },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'metrics' } },
      ...{ addressType: 'IPv4', ports: [{ name: 'https', port: METRICS_PORT, protocol: 'TCP' }] },
      endpoints: [{ addresses: [nodeIp], conditions: { ready: true } }],
    },
    {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: METRICS_API } },
      spec: {
        ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
        service: { ...metadata, port: 443 },
        insecureSkipTLSVerify: true,
      },
    },
  ];
}

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())(
  'as many pods as there is work',
  () => {
    let gate: Gate;
    let cluster: Cluster;
    let metrics: ChildProcess;

    const replicas = (count: number) =>
      waitUntil(
        async () => {
          const path = 'jsonpath={.spec.replicas} {.status.readyReplicas} {.status.replicas}';
          return (await gate.kubectl('get', 'deployment', NAME, '-o', path)) === `${count} ${count} ${count}`;
        },
        { what: `${count} replicas`, intervalMs: 500 },
      ).catch(async (error: Error) => {
        throw new Error(`${error.message}\n${await gate.kubectl('describe', 'hpa')}`);
      });

    beforeAll(async () => {
      const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
      gate = await Gate.install(
        namespace,
        { autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 4, behavior } },
        async ({ cluster: its }) => {
          cluster = its;
          metrics = cluster.spawn(process.execPath, [script, String(METRICS_PORT), namespace], {
            stdio: ['pipe', 'pipe', 'inherit'],
            env: { ...process.env, KUBECONFIG: cluster.kubeconfigPath },
          });
          await once(metrics.stdout!, 'data');
          await cluster.apply(...metricsObjects());
          await cluster.kubectl(
            'wait',
            '--for=condition=Available',
            `apiservice/${METRICS_API}`,
            '--timeout=180s',
          );
        },
      );
    });
    afterAll(async () => {
      await cluster?.kubectl('delete', 'apiservice', METRICS_API, '--ignore-not-found');
      metrics?.stdin?.end();
      await gate?.remove();
    });

    test('the autoscaler adds pods and takes them away, and no request is lost', async () => {
      const load = await gate.load(200);
      // Each pod requests 10m.
      metrics.stdin!.write('100\n');
      await replicas(4);
      await load.more(200);
      metrics.stdin!.write('0\n');
      await replicas(2);
      await load.more(200);
      expectNoFailure(await load.stop());
    });

    test('an upgrade leaves their number to it', async () => {
      metrics.stdin!.write('100\n');
      await replicas(4);
      const seen = new Set<string>();
      let upgrading = true;
      const looking = async (): Promise<void> => {
        while (upgrading)
          seen.add(await gate.kubectl('get', 'deployment', NAME, '-o', 'jsonpath={.spec.replicas}'));
      };
      const upgraded = gate.upgrade({ logLevel: 'debug' }).finally(() => {
        upgrading = false;
      });
      await Promise.all([upgraded, looking()]);
      expect([...seen]).toEqual(['4']);
    });
  },
);
