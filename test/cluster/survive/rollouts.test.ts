import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterIsLocal, clusterUnavailable, waitUntil } from '../index.ts';
import { Gate, NAME, REPLICAS } from './gate.ts';
import { expectNoFailure } from './load.ts';
import { routeObject, toService } from './objects.ts';

describe.skipIf(clusterUnavailable() !== undefined)('no request is lost', () => {
  let gate: Gate;
  beforeAll(async () => {
    gate = await Gate.install('survive-rollouts');
  });
  afterAll(() => gate?.remove());

  test('a rolling update of a backend, at 500 requests a second', async () => {
    const load = await gate.load(500);
    await gate.replaced('app=echo', () => gate.restart('echo'));
    await load.more(200);
    const counts = await load.stop();
    expectNoFailure(counts);
    expect(Object.keys(counts.pods).length).toBeGreaterThanOrEqual(6);
  });

  test('a rolling update of Portreeve', async () => {
    const load = await gate.load(200);
    await gate.replaced(REPLICAS, () => gate.restart(NAME));
    await load.more(200);
    expectNoFailure(await load.stop());
  });

  test('a backend without pods is answered with 503, until it has some again', async () => {
    const load = await gate.load(100);
    const scale = (replicas: number) => gate.kubectl('scale', 'deployment/echo', `--replicas=${replicas}`);
    await scale(0);
    await load.more(50, 503);
    await scale(3);
    await gate.kubectl('rollout', 'status', 'deployment/echo', '--timeout=180s');
    await load.more(100);
    expectNoFailure(await load.stop(), [200, 503]);
    const after = await gate.load(100);
    await after.more(200);
    expectNoFailure(await after.stop());
  });

  test.skipIf(!clusterIsLocal())('a backend pod killed with -9', async () => {
    // Without `retry` only what was never sent goes elsewhere: a request that the pod dies over is lost.
    const retry = { when: ['connect', 'reset'] };
    const rule = { ...toService('echo'), retry };
    await gate.cluster.apply(routeObject(gate.namespace, 'retried', [rule]));
    await gate.kubectl('wait', '--for=condition=Programmed', 'gatewayroute/retried', '--timeout=180s');
    const load = await gate.load(200, { host: 'retried.example.com' });
    const [victim] = await gate.pods('app=echo');
    await gate.killContainer(victim!.name);
    await load.more(200);
    const counts = await load.stop();
    expectNoFailure(counts);
    // The budget of the defaults is a fifth of the requests: the dead pod is left out long before Kubernetes knows of it.
    const retries = await gate.metric('gateway_upstream_retries_total');
    expect(Math.max(...retries)).toBeGreaterThan(0);
    expect(Math.max(...retries)).toBeLessThan(counts.sent / 5);
  });

  test('a node is drained of gateways and backends, one after the other', async () => {
    // The cluster has one node: its pods are evicted through their disruption budgets, and come back to it.
    const node = (await gate.cluster.kubectl('get', 'nodes', '-o', 'name')).trim().split('\n')[0]!;
    const load = await gate.load(200);
    const drain = (selector: string) => async (): Promise<void> => {
      const draining = gate.cluster.kubectl(
        ...['drain', node, `--pod-selector=${selector}`, '--delete-emptydir-data', '--ignore-daemonsets'],
        ...['--timeout=180s'],
      );
      await waitUntil(
        async () =>
          (await gate.cluster.kubectl('get', node, '-o', 'jsonpath={.spec.unschedulable}')) === 'true',
        { what: 'the node to be cordoned', intervalMs: 20 },
      );
      await gate.cluster.kubectl('uncordon', node);
      await draining;
    };
    await gate.cluster.apply({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'echo', namespace: gate.namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'echo' } } },
    });
    await gate.replaced('app=echo', drain('app=echo'));
    await gate.replaced(REPLICAS, drain(REPLICAS));
    await load.more(200);
    expectNoFailure(await load.stop());
  });
});
