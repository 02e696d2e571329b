import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { pathOf } from '../../../src/sources/kubernetes/client/object.ts';
import { KINDS } from '../../../src/sources/kubernetes/kinds.ts';
import { FaultProxy } from '../controller/fault-proxy.ts';
import { clusterIsLocal, clusterUnavailable, type LocalCluster, waitUntil } from '../index.ts';
import { apiServerPort } from '../settings.ts';
import { Gate } from './gate.ts';
import { expectNoFailure } from './load.ts';
import { routeObject, toService } from './objects.ts';

const respond = (status: number): object => ({ respond: { status } });
/** Watches were tried again with the longest pause by then. */
const AWAY_MS = 120_000;

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())(
  'no request is lost while the API server',
  () => {
    let gate: Gate;
    let cluster: LocalCluster;
    let proxy: FaultProxy;
    let client: ApiClient;

    beforeAll(async () => {
      gate = await Gate.install('survive-outages');
      if (gate.cluster.kind !== 'local') throw new Error('it takes a cluster whose parts can be stopped');
      cluster = gate.cluster;
      proxy = await FaultProxy.start(cluster);
      client = new ApiClient(proxy.kubeconfigPath);
    });
    afterAll(async () => {
      await client?.close();
      await proxy?.stop();
      await gate?.remove();
    });

    const put = (name: string, status: number) =>
      cluster.apply(routeObject(gate.namespace, name, [respond(status)]));
    const answers = (name: string, status: number) =>
      waitUntil(
        async () => {
          const replicas = await gate.replicas();
          const all = await Promise.all(replicas.map(({ address }) => gate.statusFrom(address, name)));
          return all.length > 0 && all.every((one) => one === status);
        },
        { what: `${status} of every replica for ${name}`, intervalMs: 500 },
      );
    const programmed = (name: string) =>
      gate.kubectl('wait', '--for=condition=Programmed', `gatewayroute/${name}`, '--timeout=180s');
    /** Packets between a pod and the API server vanish: no reset, no answer. */
    const drop = async (address: string): Promise<() => Promise<void>> => {
      const port = String(apiServerPort);
      const rules = [
        ['INPUT', '-p', 'tcp', '-s', address, '--dport', port, '-j', 'DROP'],
        ['OUTPUT', '-p', 'tcp', '-d', address, '--sport', port, '-j', 'DROP'],
      ];
      for (const rule of rules) await cluster.run('iptables', ['-I', ...rule]);
      return async () => {
        for (const rule of rules) await cluster.run('iptables', ['-D', ...rule]);
      };
    };
    const log = (pod: string) => gate.kubectl('logs', pod);
    /** Forgets everything that etcd knows of the past. */
    const compact = async (): Promise<void> => {
      const etcd = async (path: string, body: object): Promise<{ header: { revision: string } }> => {
        const url = `http://127.0.0.1:2379/v3/${path}`;
        const { stdout } = await cluster.run('curl', ['--fail', '-sS', url, '-d', JSON.stringify(body)]);
        return JSON.parse(stdout);
      };
      const { header } = await etcd('maintenance/status', {});
      await etcd('kv/compaction', { revision: header.revision, physical: true });
    };

    test('is killed with -9 and stays away for minutes', async () => {
      const load = await gate.load(200);
      await cluster.killComponent('kube-apiserver', 'SIGKILL');
      try {
        await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
      } finally {
        await cluster.startComponent('kube-apiserver');
      }
      await put('after', 418);
      await answers('after', 418);
      await programmed('after');
      await load.more(200);
      expectNoFailure(await load.stop());
      expect(await gate.metric('gateway_saved_table_served')).toEqual([0, 0]);
      await waitUntil(
        async () =>
          (await gate.metric('gateway_source_failures_in_a_row')).every((failures) => failures === 0),
        { what: 'every watch to run again', intervalMs: 1_000 },
      );
    });

    test('can not be reached by the leader, whose packets vanish: another one leads', async () => {
      await put('cut', 200);
      await answers('cut', 200);
      await programmed('cut');
      const leader = await gate.leader();
      const replicas = await gate.replicas();
      const cutOff = replicas.find(({ name }) => name === leader)!;
      const other = replicas.find(({ name }) => name !== leader)!;
      const load = await gate.load(200);
      const lift = await drop(cutOff.address);
      try {
        await waitUntil(async () => (await gate.leader()) === other.name, {
          what: 'another leader',
          intervalMs: 500,
        });
        await put('cut', 418);
        await waitUntil(async () => (await gate.statusFrom(other.address, 'cut')) === 418, {
          what: 'the replica that is not cut off',
        });
        // It serves what it knew, and the status says that not all serve the new version.
        expect(await gate.statusFrom(cutOff.address, 'cut')).toBe(200);
        await waitUntil(async () => (await gate.conditions('cut')).Programmed === 'False', {
          what: 'the status to tell of it',
        });
      } finally {
        await lift();
      }
      await answers('cut', 418);
      await programmed('cut');
      await load.more(100);
      expectNoFailure(await load.stop());
      expect(await gate.leader()).toBe(other.name);
    });

    test('has compacted away what a replica has missed', async () => {
      await put('old', 200);
      await answers('old', 200);
      const [missing, other] = await gate.replicas();
      const load = await gate.load(200);
      const lift = await drop(missing!.address);
      try {
        await gate.kubectl('delete', 'gatewayroute', 'old');
        await put('new', 418);
        await waitUntil(async () => (await gate.statusFrom(other!.address, 'new')) === 418, {
          what: 'the replica that misses nothing',
        });
        await cluster.killComponent('kube-apiserver', 'SIGKILL');
        await compact();
        await cluster.startComponent('kube-apiserver');
        expect(await gate.statusFrom(missing!.address, 'old')).toBe(200);
      } finally {
        await lift();
      }
      await answers('old', 404);
      await answers('new', 418);
      // It was told that its past is gone, and has listed everything again.
      expect(await log(missing!.name)).toMatch(/"event":"sourceFailed".*(too old resource version|410)/);
      await load.more(100);
      expectNoFailure(await load.stop());
    });

    test('throws away an object that is being looked at', async () => {
      const load = await gate.load(100);
      const path = pathOf(KINDS.GatewayRoute, gate.namespace);
      for (let round = 0; round < 300; round++) {
        const body = routeObject(gate.namespace, 'brief', [respond(418)]);
        await client.json({ method: 'POST', path, body });
        await client.json({ method: 'DELETE', path: `${path}/brief` });
      }
      await put('brief-end', 418);
      await answers('brief-end', 418);
      await answers('brief', 404);
      await programmed('brief-end');
      await load.more(50);
      expectNoFailure(await load.stop());
      for (const { name } of await gate.replicas())
        expect(await log(name)).not.toContain('"event":"statusFailed"');
    });

    test('takes the status of two releases over the same objects', async () => {
      const load = await gate.load(100);
      const second = await gate.second();
      try {
        await cluster.apply(routeObject(gate.namespace, 'both', [toService('echo')]));
        await answers('both', 200);
        await programmed('both');
        const writes = async () =>
          (await gate.metric('gateway_status_writes')).reduce((sum, one) => sum + one, 0);
        // They agree, so neither writes what the other has written.
        await waitUntil(
          async () => (await gate.metric('gateway_status_waiting')).every((waiting) => waiting === 0),
          { what: 'all statuses to be written' },
        );
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        const before = await writes();
        await new Promise((resolve) => setTimeout(resolve, 8_000));
        expect(await writes()).toBe(before);
      } finally {
        await second.remove();
      }
      await load.more(50);
      expectNoFailure(await load.stop());
    });
  },
);
