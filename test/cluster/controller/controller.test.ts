import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import {
  backendObjects,
  type Cluster,
  clusterIsLocal,
  clusterUnavailable,
  customResourcesEstablished,
  startCluster,
  waitUntil,
} from '../index.ts';
import { GatewayProcess } from './gateway-process.ts';

const namespace = 'controller-test';
const crds = [...customResourceDefinitions(policyCatalogue).values()];

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

function route(name: string, rules: readonly object[]): object {
  const metadata = { name, namespace };
  return { apiVersion: 'portreeve.dev/v1alpha1', kind: 'GatewayRoute', metadata, spec: { rules } };
}

const respond = (name: string, status: number) =>
  route(name, [{ matches: [{ path: { prefix: `/${name}` } }], respond: { status } }]);

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())('portreeve controller', () => {
  let cluster: Cluster;
  let gateways: GatewayProcess[] = [];

  const start = async (identity: string, ...args: string[]): Promise<GatewayProcess> => {
    const gateway = GatewayProcess.spawn(cluster, { identity, args: ['--namespace', namespace, ...args] });
    gateways.push(gateway);
    await gateway.ready();
    return gateway;
  };
  const conditions = async (name: string): Promise<Record<string, Condition>> => {
    const text = await cluster.kubectl('get', '-n', namespace, 'gatewayroute', name, '-o', 'json');
    const { status } = JSON.parse(text) as { status?: { conditions?: Condition[] } };
    return Object.fromEntries((status?.conditions ?? []).map((one) => [one.type, one]));
  };
  const summary = async (name: string): Promise<string> =>
    Object.values(await conditions(name))
      .map((one) => `${one.type}=${one.status}/${one.reason}@${one.observedGeneration}`)
      .join(' ');
  const hasStatus = (name: string, wanted: string): Promise<unknown> => {
    let seen = '';
    return waitUntil(
      async () => {
        seen = await summary(name);
        return seen.includes(wanted);
      },
      { what: `${name} to be ${wanted}` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it is ${seen}\n${gateways.map((one) => one.stderr).join('\n')}`);
    });
  };
  const answers = (gateway: GatewayProcess, path: string, status: number): Promise<unknown> =>
    waitUntil(async () => (await gateway.get(path)).status === status, {
      what: `${path} to be answered ${status}\n${gateway.stderr}`,
    });

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...crds);
    await customResourcesEstablished(cluster);
    await cluster.apply(...backendObjects({ name: 'echo', namespace, replicas: 2 }));
    await cluster.kubectl('rollout', 'status', '-n', namespace, 'deployment/echo', '--timeout=180s');
  });
  afterAll(async () => {
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false');
    await cluster?.stop();
  });
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop('SIGKILL');
    gateways = [];
    await cluster.kubectl('delete', '-n', namespace, 'gatewayroutes,consumers', '--all');
    await cluster.kubectl('delete', '-n', 'default', 'lease', 'portreeve', '--ignore-not-found');
  });

  test('traffic flows to real pods, and the status says so', async () => {
    const gateway = await start('one');
    await cluster.apply(
      route('echo', [
        {
          matches: [{ path: { prefix: '/echo' } }],
          backends: [{ service: { name: 'echo', port: 'http' } }],
        },
      ]),
    );
    await answers(gateway, '/echo', 200);
    await hasStatus(
      'echo',
      'Accepted=True/Accepted@1 ResolvedRefs=True/ResolvedRefs@1 Programmed=True/Programmed@1',
    );
    await cluster.kubectl('wait', '-n', namespace, '--for=condition=Programmed', 'gatewayroute/echo');
    await cluster.apply(respond('echo', 418));
    await answers(gateway, '/echo', 418);
    await hasStatus('echo', 'Programmed=True/Programmed@2');
    expect(await gateway.metric('gateway_leader')).toBe(1);
    expect(await gateway.metric('gateway_source_synced')).toBe(1);
  });

  test('says what is wrong, where, and what to do; and takes it back', async () => {
    await start('one');
    await cluster.apply(
      route('cart', [
        {
          matches: [{ path: { prefix: '/a' } }],
          backends: [{ service: { name: 'echo', port: 'htpp' } }],
        },
      ]),
    );
    await hasStatus('cart', 'ResolvedRefs=False/BackendNotFound@1');
    const { ResolvedRefs } = await conditions('cart');
    expect(ResolvedRefs?.message).toMatch(
      /^spec\.rules\[0\]\.backends\[0\].*has no port htpp \(use one of: http \(80\)\)/,
    );
    const events = async () => {
      const text = await cluster.kubectl('get', '-n', namespace, 'events.events.k8s.io', '-o', 'json');
      const { items } = JSON.parse(text) as {
        items: { regarding: { name: string }; reason: string; type: string }[];
      };
      return items
        .filter(({ regarding }) => regarding.name === 'cart')
        .map(({ type, reason }) => `${type} ${reason}`);
    };
    await waitUntil(async () => (await events()).includes('Warning BackendNotFound'), {
      what: 'the event',
    });
    await cluster.apply(
      route('cart', [
        {
          matches: [{ path: { prefix: '/a' } }],
          backends: [{ service: { name: 'echo', port: 'http' } }],
        },
      ]),
    );
    await hasStatus('cart', 'ResolvedRefs=True/ResolvedRefs@2');
    await waitUntil(async () => (await events()).includes('Normal ResolvedRefs'), { what: 'the event' });
  });

  test('a shadowed route names the winner, until the winner is gone', async () => {
    await start('one');
    await cluster.apply(respond('first', 200));
    await hasStatus('first', 'Programmed=True');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const loser = route('second', [{ matches: [{ path: { prefix: '/first' } }], respond: { status: 201 } }]);
    await cluster.apply(loser);
    await hasStatus('second', 'Shadowed=True/Shadowed@1');
    expect((await conditions('second')).Shadowed?.message).toContain(
      `GatewayRoute/${namespace}/first spec.rules[0]`,
    );
    await cluster.kubectl('delete', '-n', namespace, 'gatewayroute', 'first');
    await waitUntil(async () => !(await summary('second')).includes('Shadowed'), {
      what: 'the condition to go',
    });
  });

  test('a status that is as it should be is not written again', async () => {
    const gateway = await start('one');
    await cluster.apply(respond('a', 200), respond('b', 200));
    await hasStatus('a', 'Programmed=True');
    await hasStatus('b', 'Programmed=True');
    const version = () =>
      cluster.kubectl(
        'get',
        '-n',
        namespace,
        'gatewayroute',
        'a',
        '-o',
        'jsonpath={.metadata.resourceVersion}',
      );
    const before = await version();
    await gateway.stop();
    const next = await start('two');
    await waitUntil(async () => (await next.metric('gateway_leader')) === 1, { what: 'a new leader' });
    await cluster.apply(respond('b', 201));
    await hasStatus('b', 'Programmed=True/Programmed@2');
    expect(await version()).toBe(before);
    expect(await next.metric('gateway_status_writes')).toBe(1);
  });

  test('two controllers that disagree about an object do not fight over it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portreeve-config-'));
    const config = join(folder, 'portreeve.yaml');
    writeFileSync(config, 'allowUrlBackends: true\n');
    try {
      const lenient = await start('one', '--name', 'lenient', '--config-file', config);
      const strict = await start('two', '--name', 'strict');
      const backends = [{ url: 'http://192.0.2.1:80' }];
      const beganMs = performance.now();
      await cluster.apply(route('url', [{ matches: [{ path: { prefix: '/url' } }], backends }]));
      const writes = async () =>
        (await lenient.metric('gateway_status_writes'))! + (await strict.metric('gateway_status_writes'))!;
      await waitUntil(async () => (await writes()) >= 3, { what: 'them to notice one another' });
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      const written = await writes();
      // Pending, programmed, and then 1, 2, 4 … seconds between two writes of either.
      const rounds = Math.log2(1 + (performance.now() - beganMs) / 1_000);
      expect(written).toBeLessThan(2 * (3 + rounds));
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await cluster.kubectl('delete', '-n', 'default', 'lease', 'lenient', 'strict', '--ignore-not-found');
    }
  });

  test('programmed means every ready replica', async () => {
    const node = await cluster.kubectl(
      'get',
      'nodes',
      '-o',
      'jsonpath={.items[0].status.addresses[0].address}',
    );
    const args = ['--replica-service', 'replicas'];
    const [first, second] = [await start('one', ...args), await start('two', ...args)];
    const slice = (identity: string, port: number): object => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `replicas-${identity}`,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'replicas' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'admin', port }],
      endpoints: [
        { addresses: [node], conditions: { ready: true }, targetRef: { kind: 'Pod', name: identity } },
      ],
    });
    await cluster.apply(slice('one', first.adminPort), slice('two', second.adminPort));
    await cluster.apply(respond('a', 200));
    await hasStatus('a', 'Programmed=True/Programmed@1');
    // A ready replica that never answers holds it up, and the message says so.
    await cluster.apply(slice('three', 9));
    await cluster.apply(respond('a', 201));
    await hasStatus('a', 'Programmed=False/Pending@2');
    expect((await conditions('a')).Programmed?.message).toBe('2 of 3 replicas serve this version.');
    await cluster.kubectl('delete', '-n', 'default', 'endpointslice', 'replicas-three');
    await hasStatus('a', 'Programmed=True/Programmed@2');
    await first.stop('SIGKILL');
    await cluster.kubectl('delete', '-n', 'default', 'endpointslice', 'replicas-one');
    await cluster.apply(respond('a', 202));
    await hasStatus('a', 'Programmed=True/Programmed@3');
    await cluster.kubectl('delete', '-n', 'default', 'endpointslice', 'replicas-two');
  });

  test('serves on while the API server is away, and starts without it from the last good table', async () => {
    if (cluster.kind !== 'local') return;
    const stateDir = mkdtempSync(join(tmpdir(), 'portreeve-state-'));
    try {
      const args = ['--state-dir', stateDir];
      const gateway = await start('one', ...args);
      await cluster.apply(
        respond('a', 418),
        route('echo', [
          {
            matches: [{ path: { prefix: '/echo' } }],
            backends: [{ service: { name: 'echo', port: 'http' } }],
          },
        ]),
      );
      await answers(gateway, '/a', 418);
      await answers(gateway, '/echo', 200);
      await cluster.killComponent('kube-apiserver', 'SIGKILL');
      try {
        await waitUntil(async () => ((await gateway.metric('gateway_source_failures_in_a_row')) ?? 0) >= 3, {
          what: 'it to notice',
        });
        expect([(await gateway.get('/a')).status, (await gateway.get('/echo')).status]).toEqual([418, 200]);
        expect((await gateway.admin('/readyz')).status).toBe(200);
        await gateway.stop();
        const next = await start('two', ...args);
        expect(next.events('restored')).toHaveLength(1);
        expect([(await next.get('/a')).status, (await next.get('/echo')).status]).toEqual([418, 200]);
        expect(await next.metric('gateway_saved_table_served')).toBe(1);
      } finally {
        await cluster.startComponent('kube-apiserver');
      }
      const next = gateways.at(-1)!;
      await cluster.kubectl('delete', '-n', namespace, 'gatewayroute', 'a');
      await answers(next, '/a', 404);
      expect((await next.get('/echo')).status).toBe(200);
      expect(await next.metric('gateway_saved_table_served')).toBe(0);
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  });

  test('a signal is obeyed while it waits for the API server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portreeve-nowhere-'));
    const kubeconfig = join(folder, 'kubeconfig');
    try {
      const text = readFileSync(cluster.kubeconfigPath, 'utf8');
      writeFileSync(kubeconfig, text.replace(/https:[^"\s]+/, 'https://127.0.0.1:9'));
      const gateway = GatewayProcess.spawn(cluster, {
        identity: 'one',
        args: ['--kubeconfig', kubeconfig],
      });
      gateways.push(gateway);
      await waitUntil(() => gateway.events('sourceFailed').length > 0, { what: 'it to try' });
      await gateway.stop();
      expect(gateway.events('stopped')).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a kubeconfig that is not there is an error that says so', async () => {
    const args = ['--kubeconfig', '/nowhere/kubeconfig'];
    const gateway = GatewayProcess.spawn(cluster, { identity: 'one', args });
    gateways.push(gateway);
    await waitUntil(() => gateway.exited, { what: 'it to end' });
    expect(gateway.stderr).toContain('/nowhere/kubeconfig: error: cannot be read');
  });
});
