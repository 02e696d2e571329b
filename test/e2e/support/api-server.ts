import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly resourceVersion?: string;
  readonly [field: string]: unknown;
}

/** An object as it is put in: versions are the server's business. */
export interface ApiObject {
  readonly metadata: Meta;
  readonly [field: string]: unknown;
}

interface Target {
  /** Plural of the kind. */
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly status: boolean;
}

interface WatchEvent {
  readonly kind: string;
  readonly version: number;
  readonly line: string;
}

interface Watch {
  readonly kind: string;
  readonly response: ServerResponse;
}

/**
 * As much of a Kubernetes API server as a controller speaks to, for what a real one is too slow at or can't be made to do on
 * demand: paged lists, watches that can be cut and whose past can be forgotten, leases, statuses. It does no validation and
 * knows no selectors. What it tells on its watches is as old as the write.
 */
export class ApiServer {
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  /** By plural, then by namespace and name. */
  readonly #kinds = new Map<string, Map<string, ApiObject>>();
  readonly #watches = new Set<Watch>();
  #past: WatchEvent[] = [];
  #forgotten = 0;
  #version = 1;

  static async start(): Promise<ApiServer> {
    const server = new ApiServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get kubeconfig(): string {
    const { port } = this.#server.address() as AddressInfo;
    return JSON.stringify({
      clusters: [
        { name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'test', user: { token: 'test' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    });
  }

  /** Creates or replaces an object, and tells the watches. */
  put(kind: string, object: ApiObject): ApiObject {
    const objects = this.#objects(kind);
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name);
    const before = objects.get(key);
    this.#version += 1;
    const uid = before?.metadata.uid ?? `uid-${this.#version}`;
    const metadata = { generation: 1, ...object.metadata, uid, resourceVersion: String(this.#version) };
    const stored = { ...object, metadata };
    objects.set(key, stored);
    const line = `${JSON.stringify({ type: before === undefined ? 'ADDED' : 'MODIFIED', object: stored })}\n`;
    this.#past.push({ kind, version: this.#version, line });
    for (const watch of this.#watches) if (watch.kind === kind) watch.response.write(line);
    return stored;
  }

  /** Ends the connections of all watches of a kind, as a crash would. */
  cut(kind: string): void {
    for (const watch of this.#watches) if (watch.kind === kind) watch.response.destroy();
  }

  /** No watch can begin in the past (410). */
  forget(): void {
    this.#past = [];
    this.#forgotten = this.#version;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    const target = targetOf(url.pathname);
    const body = request.method === 'GET' ? null : await json(request).catch(() => null);
    if (target === null) refuse(response, 404, 'NotFound');
    else if (request.method !== 'GET') this.#write(response, target, body as ApiObject);
    else if (target.name !== null) this.#read(response, target);
    else if (url.searchParams.has('watch')) this.#watch(response, target.kind, url.searchParams);
    else this.#list(response, target, url.searchParams);
  }

  #read(response: ServerResponse, { kind, namespace, name }: Target): void {
    const object = this.#objects(kind).get(keyOf(namespace ?? '', name ?? ''));
    if (object === undefined) refuse(response, 404, 'NotFound');
    else answer(response, 200, object);
  }

  #write(response: ServerResponse, { kind, namespace, name, status }: Target, body: ApiObject): void {
    const ns = namespace ?? '';
    const before = this.#objects(kind).get(keyOf(ns, name ?? body.metadata.name));
    const { resourceVersion } = body.metadata;
    const seen = resourceVersion === undefined || resourceVersion === before?.metadata.resourceVersion;
    const made = { ...body, metadata: { ...body.metadata, namespace: ns } };
    if (!seen || (name === null && before !== undefined)) refuse(response, 409, 'Conflict');
    else if (!status) answer(response, name === null ? 201 : 200, this.put(kind, made));
    else if (before === undefined) refuse(response, 404, 'NotFound');
    else answer(response, 200, this.put(kind, { ...before, status: body.status }));
  }

  #list(response: ServerResponse, { kind, namespace }: Target, query: URLSearchParams): void {
    const all = [...this.#objects(kind).values()].filter(
      ({ metadata }) => namespace === null || metadata.namespace === namespace,
    );
    // The moment of the first page: what changes while the pages are read is told by the watch.
    const [from, version] = (query.get('continue') ?? `0/${this.#version}`).split('/').map(Number);
    const to = from! + Number(query.get('limit') ?? all.length);
    const next = to < all.length ? `${to}/${version}` : undefined;
    const metadata = { resourceVersion: String(version), continue: next };
    answer(response, 200, { kind: 'List', metadata, items: all.slice(from, to) });
  }

  #watch(response: ServerResponse, kind: string, query: URLSearchParams): void {
    const since = Number(query.get('resourceVersion'));
    if (since < this.#forgotten) {
      refuse(response, 410, 'Expired');
      return;
    }
    const watch = { kind, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    for (const event of this.#past)
      if (event.kind === kind && event.version > since) response.write(event.line);
  }

  #objects(kind: string): Map<string, ApiObject> {
    const objects = this.#kinds.get(kind) ?? new Map<string, ApiObject>();
    this.#kinds.set(kind, objects);
    return objects;
  }
}

const PATH =
  /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(\/status)?$/;

function targetOf(path: string): Target | null {
  const [, namespace = null, kind = '', name = null, status] = PATH.exec(path) ?? [];
  return kind === '' ? null : { kind, namespace, name, status: status !== undefined };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message: reason });
}
