import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { LeaderLease, type LeaseTiming } from '../../../src/sources/kubernetes/lease.ts';
import { type Cluster, clusterUnavailable, startCluster } from '../index.ts';
import { FaultProxy } from './fault-proxy.ts';

const namespace = 'default';
/** Long enough that nobody loses it because the machine is busy. */
const steady: LeaseTiming = { durationMs: 8_000, renewDeadlineMs: 6_000, retryMs: 200 };
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 180_000, interval: 10 });

describe.skipIf(clusterUnavailable() !== undefined)('leader election', () => {
  let cluster: Cluster;
  let cleanUps: (() => Promise<void>)[] = [];
  let name = '';

  /** A replica with a way to the API server of its own. */
  async function replica(identity: string, timing: Partial<LeaseTiming> = steady) {
    const proxy = await FaultProxy.start(cluster);
    const client = new ApiClient(proxy.kubeconfigPath);
    const turns: boolean[] = [];
    const lease = new LeaderLease({
      ...{ client, namespace, name, identity, timing },
      onChange: (leading) => turns.push(leading),
      onFailure: () => {},
    });
    lease.start();
    cleanUps.push(async () => {
      await lease.stop();
      await client.close();
      await proxy.stop();
    });
    return { proxy, lease, turns };
  }
  const leaseSpec = async () =>
    JSON.parse(await cluster.kubectl('get', 'lease', '-n', namespace, name, '-o', 'json')).spec;

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    cleanUps = [];
    await cluster.kubectl('delete', 'lease', '-n', namespace, name, '--ignore-not-found');
  });

  test('one of three leads', async () => {
    name = 'one-of-three';
    const all = await Promise.all(['a', 'b', 'c'].map((identity) => replica(identity)));
    await eventually(() => expect(all.filter(({ lease }) => lease.leading)).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 1.5 * steady.durationMs));
    expect(all.flatMap(({ turns }) => turns)).toEqual([true]);
    expect(await leaseSpec()).toMatchObject({ leaseDurationSeconds: 8, leaseTransitions: 0 });
  });

  test('the lease says 15 seconds by default', async () => {
    name = 'by-default';
    const { lease } = await replica('a', {});
    await eventually(() => expect(lease.leading).toBe(true));
    expect(await leaseSpec()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15 });
  });

  test('a leader that is cut off stops before another begins', async () => {
    name = 'cut-off';
    const first = await replica('a');
    await eventually(() => expect(first.lease.leading).toBe(true));
    const second = await replica('b');
    first.proxy.fault = () => ({ kind: 'silence' });
    first.proxy.resetAll();
    let together = false;
    await eventually(() => {
      together ||= first.lease.leading && second.lease.leading;
      expect(second.lease.leading).toBe(true);
    });
    expect([together, first.lease.leading]).toEqual([false, false]);
    first.proxy.fault = () => null;
    await new Promise((resolve) => setTimeout(resolve, steady.durationMs / 2));
    expect([first.lease.leading, second.lease.leading]).toEqual([false, true]);
    expect(await leaseSpec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('one failed renewal stops the writing, the next success brings it back', async () => {
    name = 'one-failure';
    const { lease, proxy, turns } = await replica('a');
    await eventually(() => expect(lease.leading).toBe(true));
    let failures = 0;
    proxy.fault = ({ method }) =>
      method === 'PUT' && failures++ === 0 ? { kind: 'answer', status: 500, body: '{}' } : null;
    await eventually(() => expect(turns).toEqual([true, false, true]));
  });

  test('a lease that is given back is taken at once', async () => {
    name = 'given-back';
    const first = await replica('a', { ...steady, durationMs: 600_000 });
    await eventually(() => expect(first.lease.leading).toBe(true));
    const second = await replica('b', { ...steady, durationMs: 600_000 });
    await first.lease.stop();
    expect(first.turns).toEqual([true, false]);
    await eventually(() => expect(second.lease.leading).toBe(true));
  });
});
