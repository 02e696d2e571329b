import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { policyCatalogue } from '../../../src/policies/index.ts';
import { customResourceDefinitions } from '../../../src/resources/crd/definitions.ts';
import { ApiError } from '../../../src/sources/kubernetes/client/api-error.ts';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';
import { runCommand } from '../command.ts';
import { FaultProxy } from '../controller/fault-proxy.ts';
import { GatewayProcess } from '../controller/gateway-process.ts';
import {
  type Cluster,
  clusterIsLocal,
  clusterUnavailable,
  customResourcesEstablished,
  type RunResult,
  startCluster,
  waitUntil,
} from '../index.ts';
import { nodeIp } from '../settings.ts';

const namespace = 'webhook-test';
const service = 'hook';
const configuration = `${namespace}-${service}`;
const port = 19_443;
const root = join(import.meta.dirname, '../../..');
const limitMs = 600_000;

const route = (name: string, rules: readonly object[]): object => ({
  apiVersion: 'portreeve.dev/v1alpha1',
  kind: 'GatewayRoute',
  metadata: { name, namespace },
  spec: { rules },
});
const respond = { respond: { body: 'hello' } };
const matching = (regex: string) => ({ matches: [{ path: { regex } }], ...respond });
const good = (name: string) => route(name, [{ matches: [{ path: { prefix: `/${name}` } }], ...respond }]);
/** The API server's schema takes it: it can't know what RE2 refuses. */
const bad = (name: string) =>
  route(name, [matching('/a(?=b)'), { matches: [{ path: { exact: '/a/*/b' } }], ...respond }]);

/** The Service leads to this machine, where the controller runs beside the cluster's pods. */
const hook: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, namespace },
    spec: { ports: [{ name: 'webhook', port: 443, targetPort: port }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: service, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'webhook', port }],
    endpoints: [{ addresses: [nodeIp], conditions: { ready: true } }],
  },
];
/** `Fail`, so that no review that goes wrong is overlooked; the chart says `Ignore`. */
const webhooks: object = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: configuration },
  webhooks: [
    {
      name: 'validate.portreeve.dev',
      clientConfig: { service: { name: service, namespace, path: '/validate', port: 443 } },
      rules: [
        {
          apiGroups: ['portreeve.dev'],
          apiVersions: ['v1alpha1'],
          operations: ['CREATE', 'UPDATE'],
          resources: ['gatewayroutes', 'ratelimitpolicies', 'consumers'],
          scope: 'Namespaced',
        },
      ],
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      // As long as it may be: a busy machine's pause is no refusal.
      timeoutSeconds: 30,
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    },
  ],
};

describe.skipIf(clusterUnavailable() !== undefined || !clusterIsLocal())(
  'the admission webhook in a cluster',
  { timeout: limitMs },
  () => {
    let cluster: Cluster;
    let scratch = '';
    let gateway: GatewayProcess;

    const start = async (...args: readonly string[]): Promise<void> => {
      gateway = GatewayProcess.spawn(cluster, {
        identity: 'first',
        args: [
          '--webhook-address',
          `0.0.0.0:${port}`,
          '--webhook-service',
          `${namespace}/${service}`,
          ...args,
        ],
      });
      await gateway.ready();
      await waitUntil(answers, { what: `the webhook answers\n${gateway.stderr}` });
    };
    const kubectl = (object: object, ...args: readonly string[]): Promise<RunResult> => {
      const [verb = 'apply', ...rest] = args;
      return cluster.run('kubectl', [verb, ...rest, '-f', '-'], {
        input: JSON.stringify(object),
        allowFailure: true,
      });
    };
    const answers = async (): Promise<boolean> =>
      (await kubectl(good('probe'), 'apply', '--dry-run=server')).code === 0;
    const get = (what: string, path: string): Promise<string> =>
      cluster.kubectl('-n', namespace, 'get', what, '-o', `jsonpath=${path}`);
    const caBundle = (): Promise<string> =>
      get(`validatingwebhookconfiguration/${configuration}`, '{.webhooks[0].clientConfig.caBundle}');
    /** What `portreeve validate` says of an object, a line for each thing. */
    const validated = async (object: object): Promise<readonly string[]> => {
      const folder = mkdtempSync(join(scratch, 'folder-'));
      writeFileSync(join(folder, 'object.yaml'), JSON.stringify(object));
      const args = [join(root, 'src/main.ts'), 'validate', folder, '-o', 'json'];
      const { code, stdout } = await runCommand(process.execPath, args, { allowFailure: true });
      expect(code).toBe(1);
      const { findings } = JSON.parse(stdout) as { findings: { fieldPath: string; message: string }[] };
      return findings.map(({ fieldPath, message }) => `${fieldPath}: ${message}`);
    };

    beforeAll(async () => {
      cluster = await startCluster();
      scratch = mkdtempSync(join(tmpdir(), 'portreeve-webhook-'));
      await cluster.apply(...customResourceDefinitions(policyCatalogue).values(), ...hook);
      await customResourcesEstablished(cluster);
    }, 1_800_000);
    afterAll(async () => {
      await cluster?.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
      await cluster?.stop();
      if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
    }, limitMs);

    describe('with a certificate for long', () => {
      beforeAll(async () => {
        await cluster.apply(webhooks);
        await start();
      }, limitMs);
      afterAll(async () => {
        await cluster.kubectl(
          'delete',
          'validatingwebhookconfiguration',
          configuration,
          '--ignore-not-found',
        );
        await gateway.stop();
      }, limitMs);
      afterEach(async () => {
        await cluster.kubectl('-n', namespace, 'delete', 'gatewayroutes', '--all');
      });

      test('refuses what validate refuses, in its words', async () => {
        const words = await validated(bad('first'));
        expect(words).toHaveLength(2);
        for (const args of [
          ['create'],
          ['apply'],
          ['apply', '--server-side'],
          ['apply', '--dry-run=server'],
        ]) {
          const { code, stderr } = await kubectl(bad('first'), ...args);
          expect(code).not.toBe(0);
          for (const line of words) expect(stderr).toContain(line);
          expect(stderr).toContain('validate.portreeve.dev');
        }
        await expect(get('gatewayroute/first', '{.metadata.name}')).rejects.toThrow('not found');
      });

      test('refuses an update, and what was there before stays', async () => {
        expect((await kubectl(good('second'))).code).toBe(0);
        expect((await kubectl(bad('second'))).code).not.toBe(0);
        expect(await get('gatewayroute/second', '{.spec.rules[0].matches[0].path.prefix}')).toBe('/second');
      });

      test('warns of a Service that is not there, and of none once it is', async () => {
        const third = (name: string) => route('third', [{ backends: [{ service: { name, port: 443 } }] }]);
        const { code, stderr } = await kubectl(third('nobody'));
        expect(code).toBe(0);
        expect(stderr).toContain(
          `Warning: spec.rules[0].backends[0].service.name: there is no Service nobody.${namespace}`,
        );
        expect((await kubectl(third(service))).stderr).toBe('');
      });

      test('lets an object that is bad already be labelled, mended and deleted', async () => {
        await cluster.kubectl('delete', 'validatingwebhookconfiguration', configuration);
        await waitUntil(async () => (await kubectl(bad('fourth'))).code === 0, { what: 'it comes in' });
        await cluster.apply(webhooks);
        await waitUntil(
          async () => (await kubectl(bad('fifth'), 'create', '--dry-run=server')).stderr.includes('RE2'),
          {
            what: 'the webhook is asked again',
          },
        );
        await cluster.kubectl('-n', namespace, 'label', 'gatewayroute/fourth', 'team=a');
        expect((await kubectl(good('fourth'))).code).toBe(0);
        await cluster.kubectl('-n', namespace, 'delete', 'gatewayroute/fourth');
      });

      test('is trusted again after a hand took the authorities away', async () => {
        const before = await caBundle();
        expect(before).not.toBe('');
        const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
        await cluster.kubectl(
          'patch',
          'validatingwebhookconfiguration',
          configuration,
          '--type=json',
          '-p',
          patch,
        );
        await waitUntil(async () => (await caBundle()) === before, { what: 'the authorities are back' });
        await waitUntil(answers, { what: 'the webhook answers' });
      });

      test('a Secret that is deleted is made again', async () => {
        const secret = `secret/${service}-certificate`;
        const before = await get(secret, '{.data.tls\\.crt}');
        await cluster.kubectl('-n', namespace, 'delete', secret);
        await waitUntil(
          async () => ![before, ''].includes(await get(secret, '{.data.tls\\.crt}').catch(() => '')),
          {
            what: 'a new Secret',
          },
        );
        await waitUntil(answers, { what: 'the webhook answers' });
      });
    });

    test('rotates its certificate without failing a review', async () => {
      await cluster.kubectl('-n', namespace, 'delete', `secret/${service}-certificate`, '--ignore-not-found');
      await cluster.apply(webhooks);
      await start('--webhook-certificate-lifetime', '30s');
      const proxy = await FaultProxy.start(cluster);
      const client = new ApiClient(proxy.kubeconfigPath);
      const promoted = (): number =>
        gateway.events('webhookRotated').filter(({ what }) => what === 'promoted').length;
      const create = (body: object): Promise<string> =>
        client
          .json({
            method: 'POST',
            path: `/apis/portreeve.dev/v1alpha1/namespaces/${namespace}/gatewayroutes`,
            query: { dryRun: 'All' },
            body,
          })
          .then(
            () => 'allowed',
            (error: unknown) =>
              error instanceof ApiError && error.status === 422 ? 'refused' : String(error),
          );
      const outcomes = new Map<string, number>();
      const endMs = performance.now() + limitMs / 2;
      /** Enough that some connections were made anew under each certificate. */
      const enough = (): boolean =>
        promoted() >= 2 && outcomes.size >= 2 && Math.min(...outcomes.values()) > 200;
      const ask = async (body: object, wanted: string): Promise<void> => {
        while (!enough() && performance.now() < endMs) {
          const outcome = await create(body);
          outcomes.set(`${wanted}: ${outcome}`, (outcomes.get(`${wanted}: ${outcome}`) ?? 0) + 1);
        }
      };
      try {
        await Promise.all([ask(bad('one'), 'refused'), ask(good('two'), 'allowed')]);
        expect([...outcomes.keys()].sort()).toEqual(['allowed: allowed', 'refused: refused']);
        expect(enough(), JSON.stringify([promoted(), ...outcomes])).toBe(true);
      } finally {
        await client.close();
        await proxy.stop();
        await cluster.kubectl('delete', 'validatingwebhookconfiguration', configuration);
        await gateway.stop();
      }
    });
  },
);
