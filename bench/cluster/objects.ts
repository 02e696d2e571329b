import { policyCatalogue } from '../../src/policies/index.ts';
import { customResourceDefinitions } from '../../src/resources/crd/definitions.ts';
import { ApiError } from '../../src/sources/kubernetes/client/api-error.ts';
import type { ApiClient, QueryParameters } from '../../src/sources/kubernetes/client/client.ts';
import { type KubeKind, pathOf } from '../../src/sources/kubernetes/client/object.ts';
import { KINDS } from '../../src/sources/kubernetes/kinds.ts';
import { addressesAt, ENDPOINT_PORT, sliceOf } from '../../test/e2e/support/storm/objects.ts';

export const NAMESPACE = 'bench';
export const EMPTY_NAMESPACE = 'bench-empty';
const AT_ONCE = 24;

const NAMESPACE_KIND: KubeKind = { kind: 'Namespace', apiVersion: 'v1', plural: 'namespaces' };
const CRD: KubeKind = {
  kind: 'CustomResourceDefinition',
  apiVersion: 'apiextensions.k8s.io/v1',
  plural: 'customresourcedefinitions',
};

/** Endpoints are 20 a Service. */
export interface Scale {
  readonly routes: number;
  readonly services: number;
}

export const FULL: Scale = { routes: 10_000, services: 1_000 };

/** So many calls of `work`, some of them at once. */
export async function many(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

interface Content {
  readonly metadata?: object;
  readonly [field: string]: unknown;
}

/** Writes objects of a cluster through its API server. */
export class Objects {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Kinds, namespaces, and as many objects as the scale says. */
  async fill({ routes, services }: Scale): Promise<void> {
    for (const crd of customResourceDefinitions(policyCatalogue).values())
      await this.#create(pathOf(CRD, null), crd);
    for (const name of [NAMESPACE, EMPTY_NAMESPACE])
      await this.#create(pathOf(NAMESPACE_KIND, null), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
    await many(services, async (index) => {
      const name = `s${index}`;
      await this.service(name);
      await this.slice(name, addressesAt(index, 0));
    });
    await many(routes, (index) => this.route(`r${index}`, toService(`s${index % services}`)));
  }

  service(name: string): Promise<unknown> {
    return this.#apply(KINDS.Service, name, {
      spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    });
  }

  slice(service: string, addresses: readonly string[]): Promise<unknown> {
    return this.#apply(KINDS.EndpointSlice, service, {
      metadata: { labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: ENDPOINT_PORT, protocol: 'TCP' }],
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    });
  }

  /**
   * As the endpoint controllers do it: as a whole, and not by patches. Who manages which field is not kept, for that costs the
   * API server as much again as the rest.
   */
  replaceSlice(service: number, addresses: readonly string[]): Promise<unknown> {
    const { metadata, ...slice } = sliceOf(service, addresses);
    return this.#client.json({
      method: 'PUT',
      path: pathOf(KINDS.EndpointSlice, NAMESPACE, metadata.name),
      body: { ...slice, metadata: { ...metadata, managedFields: [{}] } },
    });
  }

  /** For the host `NAME.example.com`. */
  route(name: string, rule: object): Promise<unknown> {
    return this.#apply(KINDS.GatewayRoute, name, { spec: { hosts: [`${name}.example.com`], rules: [rule] } });
  }

  delete(kind: keyof typeof KINDS, name: string): Promise<unknown> {
    return this.#client.json({ method: 'DELETE', path: pathOf(KINDS[kind], NAMESPACE, name) });
  }

  async #apply(kind: KubeKind, name: string, content: Content): Promise<unknown> {
    const { metadata, ...rest } = content;
    return await this.#client.json({
      method: 'PATCH',
      path: pathOf(kind, NAMESPACE, name),
      query: { fieldManager: 'bench', force: true } satisfies QueryParameters,
      contentType: 'application/apply-patch+yaml',
      body: {
        ...{ apiVersion: kind.apiVersion, kind: kind.kind },
        metadata: { name, namespace: NAMESPACE, ...metadata },
        ...rest,
      },
    });
  }

  async #create(path: string, body: object): Promise<void> {
    await this.#client.json({ method: 'POST', path, body }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    });
  }
}

export const toService = (name: string): object => ({
  backends: [{ service: { name, port: 'http' } }],
});
