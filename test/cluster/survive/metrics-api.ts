/**
 * Runs where the API server reaches it: `node metrics-api.ts PORT NAMESPACE`, an extension API server of `metrics.k8s.io` for the
 * pods of one namespace. Each line of its standard input is what every pod uses from then on, in millicores of CPU. Ends when
 * its standard input does.
 */
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { issueCertificate } from '../../../src/admin/webhook/certificate.ts';
import { ApiClient } from '../../../src/sources/kubernetes/client/client.ts';

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly labels?: object };
    readonly spec: { readonly containers: readonly { readonly name: string }[] };
  }[];
}

const GROUP_VERSION = 'metrics.k8s.io/v1beta1';
const RESOURCES = {
  ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION },
  resources: [
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
  ],
};

const [port = '', namespace = ''] = process.argv.slice(2);
const client = new ApiClient(null);
let millicores = 0;

async function podMetrics(labelSelector: string): Promise<object> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await client.json<PodList>({ path, query: { labelSelector } });
  const usage = { cpu: `${millicores}m`, memory: '100Mi' };
  return {
    ...{ kind: 'PodMetricsList', apiVersion: GROUP_VERSION, metadata: {} },
    items: items.map(({ metadata: { name, labels }, spec }) => ({
      metadata: { name, namespace, labels },
      ...{ timestamp: new Date().toISOString(), window: '1s' },
      containers: spec.containers.map((container) => ({ name: container.name, usage })),
    })),
  };
}

async function answer(url: URL): Promise<object | null> {
  if (url.pathname === `/apis/${GROUP_VERSION}`) return RESOURCES;
  if (url.pathname !== `/apis/${GROUP_VERSION}/namespaces/${namespace}/pods`) return null;
  return await podMetrics(url.searchParams.get('labelSelector') ?? '');
}

const { cert, key } = await issueCertificate({
  names: ['metrics'],
  nowMs: Date.now(),
  lifetimeMs: 86_400_000,
});
const server = createServer({ cert, key }, async (request, response) => {
  const body = await answer(new URL(request.url ?? '/', 'https://metrics')).catch(() => null);
  response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }));
});
server.listen(Number(port), '0.0.0.0', () => process.stdout.write('ready\n'));

createInterface({ input: process.stdin })
  .on('line', (line) => {
    millicores = Number(line);
  })
  .on('close', () => process.exit());
