import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  backendObjects,
  buildPortreeveImage,
  type Cluster,
  clusterUnavailable,
  fetchInside,
  startCluster,
  waitUntil,
} from './index.ts';

/** The first `up` on a machine builds everything; no test asserts a time. */
const buildLimitMs = 30 * 60_000;
const limitMs = 120_000;
const namespace = 'cluster-test';

interface Answer {
  readonly pod: string;
  readonly path: string;
  readonly running: number;
}

describe.skipIf(clusterUnavailable() !== undefined)('a real cluster', { timeout: limitMs }, () => {
  let cluster: Cluster;
  let stopped = false;
  let scratch = '';
  const kubectl = (...args: readonly string[]): Promise<string> =>
    cluster.kubectl('--namespace', namespace, ...args);
  const jsonpath = async (path: string, ...what: readonly string[]): Promise<readonly string[]> =>
    (await kubectl('get', ...what, '-o', `jsonpath=${path}`))
      .split(/\s+/)
      .filter((text) => text !== '')
      .sort();
  const podIps = (): Promise<readonly string[]> =>
    jsonpath('{.items[*].status.podIP}', 'pods', '-l', 'app=echo');
  const podNames = (): Promise<readonly string[]> =>
    jsonpath('{.items[*].metadata.name}', 'pods', '-l', 'app=echo');
  const readyEndpoints = (): Promise<readonly string[]> =>
    jsonpath(
      '{.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}',
      'endpointslices',
      '-l',
      'kubernetes.io/service-name=echo',
    );
  const clusterIp = async (): Promise<string> =>
    (await jsonpath('{.spec.clusterIP}', 'service', 'echo'))[0] ?? '';
  const rollout = (): Promise<string> => kubectl('rollout', 'status', 'deployment/echo', '--timeout=180s');

  beforeAll(async () => {
    cluster = await startCluster();
    scratch = mkdtempSync(join(tmpdir(), 'portreeve-cluster-test-'));
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.apply(
      ...backendObjects({ name: 'echo', namespace, replicas: 3, env: { DRAIN_DELAY_MS: '500' } }),
    );
    await rollout();
  }, buildLimitMs);

  afterAll(async () => {
    if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
    // A cluster that stays up shall be as it was.
    if (cluster !== undefined && !stopped) await cluster.kubectl('delete', 'namespace', namespace);
    await cluster?.stop();
  }, limitMs);

  test('runs three pods with addresses of their own', async () => {
    const ips = await podIps();
    expect(new Set(ips).size).toBe(3);
    for (const ip of ips)
      expect(await fetchInside(cluster, `http://${ip}:8080/`)).toMatchObject([{ status: 200 }]);
  });

  test("spreads a Service's connections over its pods", async () => {
    const replies = await fetchInside(cluster, `http://${await clusterIp()}/some/path`, { count: 60 });
    const answers = replies.map((reply) => JSON.parse(reply.body) as Answer);
    expect(new Set(answers.map((answer) => answer.path))).toEqual(new Set(['/some/path']));
    expect([...new Set(answers.map((answer) => answer.pod))].sort()).toEqual(await podNames());
  });

  test('resolves Services and headless names in a pod', async () => {
    const resolve = async (...names: readonly string[]): Promise<readonly string[]> =>
      (await kubectl('exec', 'deployment/echo', '--', '/backend', 'resolve', ...names))
        .trim()
        .split('\n')
        .sort();
    expect(await resolve('echo')).toEqual([await clusterIp()]);
    expect(await resolve(`echo.${namespace}.svc.cluster.local`)).toEqual([await clusterIp()]);
    expect(await resolve('echo-headless')).toEqual(await podIps());
    await expect(resolve('example.com')).rejects.toThrow('no such host');
  });

  test('carries requests from a pod to a Service by its name', async () => {
    const body = await kubectl('exec', 'deployment/echo', '--', '/backend', 'get', 'http://echo/from/a/pod');
    expect(JSON.parse(body)).toMatchObject({ path: '/from/a/pod', host: 'echo' });
  });

  test('shows the logs of a pod', async () => {
    const [pod = ''] = await podNames();
    expect(await kubectl('logs', pod)).toContain(`${pod} listening on`);
  });

  test('takes a pod that is not ready out of the endpoints, and back', async () => {
    const ips = await podIps();
    const [ip = ''] = ips;
    await fetchInside(cluster, `http://${ip}:8080/healthz?ready=false`, { method: 'POST' });
    await waitUntil(async () => (await readyEndpoints()).join() === ips.slice(1).join(), {
      what: 'two endpoints',
    });
    await fetchInside(cluster, `http://${ip}:8080/healthz?ready=true`, { method: 'POST' });
    await waitUntil(async () => (await readyEndpoints()).join() === ips.join(), { what: 'three endpoints' });
  });

  test('lets a deleted pod finish its requests', async () => {
    const [pod = ''] = await podNames();
    const [ip = ''] = await jsonpath('{.status.podIP}', 'pod', pod);
    const slow = fetchInside(cluster, `http://${ip}:8080/slow?ms=5000`);
    const running = async (): Promise<number> => {
      const [reply] = await fetchInside(cluster, `http://${ip}:8080/`);
      return (JSON.parse(reply?.body ?? '{}') as Answer).running;
    };
    await waitUntil(async () => (await running()) === 2, { what: 'the slow request to reach the pod' });
    await kubectl('delete', 'pod', pod, '--wait=false');
    expect(await slow).toMatchObject([{ status: 200 }]);
    await rollout();
  });

  test('installs a chart with helm', async () => {
    const chart = join(scratch, 'chart');
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeFileSync(
      join(chart, 'Chart.yaml'),
      'apiVersion: v2\nname: demo\nversion: 0.1.0\nkubeVersion: ">=1.36.0"\n',
    );
    const template = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n';
    writeFileSync(join(chart, 'templates', 'map.yaml'), template);
    await cluster.helm('lint', chart);
    await cluster.helm('install', 'demo', chart, '--namespace', namespace);
    expect(await kubectl('get', 'configmap', 'demo', '-o', 'name')).toContain('configmap/demo');
    await cluster.helm('uninstall', 'demo', '--namespace', namespace);
  });

  test('runs Node in an image made of a tree', async () => {
    const tree = join(scratch, 'tree');
    mkdirSync(tree);
    writeFileSync(
      join(tree, 'main.mjs'),
      "console.log('node', process.versions.node, 'as', process.getuid());",
    );
    const archive = join(scratch, 'own.tar');
    const image = await buildPortreeveImage({ tree, archive });
    await cluster.loadImage(archive);
    const container = {
      name: 'main',
      image,
      imagePullPolicy: 'Never',
      args: ['/main.mjs'],
      securityContext: {
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    };
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'own', namespace },
      spec: { containers: [container], restartPolicy: 'Never' },
    });
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/own', '--timeout=180s');
    expect(await kubectl('logs', 'own')).toBe(`node ${process.versions.node} as 65532\n`);
  });

  test('serves on while the API server is killed, which then comes back', async (context) => {
    if (cluster.kind !== 'local')
      return context.skip('the components of another cluster are not ours to kill');
    const url = `http://${await clusterIp()}/`;
    await cluster.killComponent('kube-apiserver', 'SIGKILL');
    expect(cluster.running()).not.toContain('kube-apiserver');
    await expect(cluster.kubectl('get', 'nodes')).rejects.toThrow();
    expect(await fetchInside(cluster, url)).toMatchObject([{ status: 200 }]);
    await cluster.startComponent('kube-apiserver');
    await kubectl('scale', 'deployment/echo', '--replicas=2');
    await rollout();
    await waitUntil(async () => (await readyEndpoints()).length === 2, { what: 'two endpoints' });
    expect(await fetchInside(cluster, url)).toMatchObject([{ status: 200 }]);
  });

  test('is gone after stop', async (context) => {
    if (cluster.kind !== 'local') return context.skip('another cluster stays up');
    if (process.env.PORTREEVE_CLUSTER_DIR) return context.skip('the cluster we run inside of stays up');
    const { dir, netnsPid } = cluster;
    await cluster.stop();
    stopped = true;
    expect(existsSync(`/proc/${netnsPid}/root`)).toBe(false);
    expect(existsSync(dir)).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dir);
  });
});
