import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../index.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly accept: string;
  readonly watch: boolean;
  readonly atMs: number;
}

/** What becomes of a request in place of the API server's answer. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body: string;
    }
  | { readonly kind: 'reset' }
  /** No answer, and no end. */
  | { readonly kind: 'silence' };

/** A watch under way. */
export interface OpenWatch {
  readonly url: URL;
  /** Bytes in the middle of the stream, in place of nothing. */
  inject(text: string): void;
  /** What the API server sends from now on is lost. */
  mute(): void;
  reset(): void;
}

const bridgeScript = fileURLToPath(new URL('./bridge.ts', import.meta.url));

/**
 * Keeps its connections to the API server for the requests that follow. A new one for each would be a TLS handshake a
 * request, and thousands of them left open take all file descriptors that the bridge may have.
 */
class BridgeAgent extends Agent {
  readonly #socket: string;

  constructor(socket: string) {
    super({ keepAlive: true });
    this.#socket = socket;
  }

  override createConnection(): TLSSocket {
    return connectTls({ socket: connectSocket(this.#socket), rejectUnauthorized: false });
  }
}

/**
 * Stands between a client and a real API server, and does to requests what the test says. `kubeconfigPath` leads
 * through it, over plain HTTP on the loopback address, wherever the API server is.
 */
export class FaultProxy {
  readonly requests: SeenRequest[] = [];
  readonly watches = new Set<OpenWatch>();
  /** Decides on each request; null: it goes on to the API server. */
  fault: (request: SeenRequest) => Fault | null = () => null;
  /** Leads through the proxy. */
  kubeconfigPath = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'portreeve-proxy-'));
  readonly #agent = new BridgeAgent(this.#socket);
  readonly #server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
  #endBridge: () => void = () => {};

  static async start(cluster: Cluster): Promise<FaultProxy> {
    const proxy = new FaultProxy();
    const server = new URL((await cluster.kubectl('config', 'view', '-o', jsonpath('server'))).trim());
    const bridge = cluster.spawn(process.execPath, [
      bridgeScript,
      proxy.#socket,
      server.hostname,
      server.port,
    ]);
    proxy.#endBridge = () => bridge.kill('SIGKILL');
    await once(bridge.stdout!, 'data');
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.#writeKubeconfig(JSON.parse(await kubeconfigOf(cluster)));
    return proxy;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
    this.#endBridge();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A kubeconfig that leads through the proxy too, for whom the token is. */
  kubeconfigFor(token: string): string {
    const config = JSON.parse(readFileSync(this.kubeconfigPath, 'utf8')) as KubeconfigFile;
    const users = config.users.map(({ name }) => ({ name, user: { token } }));
    const path = join(this.#folder, `kubeconfig-${token.slice(-8)}`);
    writeFileSync(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
    return path;
  }

  /** Ends every connection at once, as a crash of the API server would. */
  resetAll(): void {
    this.#server.closeAllConnections();
  }

  get #socket(): string {
    return join(this.#folder, 'api.sock');
  }

  #writeKubeconfig(config: KubeconfigFile): void {
    const { port } = this.#server.address() as AddressInfo;
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    config.clusters = config.clusters.map(({ name }) => ({ name, cluster }));
    this.kubeconfigPath = join(this.#folder, 'kubeconfig');
    writeFileSync(this.kubeconfigPath, JSON.stringify(config), { mode: 0o600 });
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', 'http://proxy');
    const seen: SeenRequest = {
      method: incoming.method ?? '',
      url,
      accept: incoming.headers.accept ?? '',
      watch: url.searchParams.has('watch'),
      atMs: performance.now(),
    };
    this.requests.push(seen);
    const fault = this.fault(seen);
    if (fault === null) this.#forward(incoming, outgoing, seen);
    else if (fault.kind === 'reset') incoming.socket.destroy();
    else if (fault.kind === 'answer') outgoing.writeHead(fault.status, fault.headers).end(fault.body);
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, { watch, url }: SeenRequest): void {
    const upstream = request(
      {
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
        agent: this.#agent,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        if (!watch) {
          answer.pipe(outgoing);
          return;
        }
        this.#relayWatch(answer, outgoing, url);
      },
    );
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  }

  #relayWatch(answer: IncomingMessage, outgoing: ServerResponse, url: URL): void {
    let muted = false;
    const open: OpenWatch = {
      url,
      inject: (text) => outgoing.write(text),
      mute: () => {
        muted = true;
      },
      reset: () => outgoing.destroy(),
    };
    this.watches.add(open);
    answer.on('data', (chunk: Buffer) => muted || outgoing.write(chunk));
    answer.on('end', () => muted || outgoing.end());
    answer.on('error', () => outgoing.destroy());
    outgoing.on('close', () => this.watches.delete(open));
  }
}

interface KubeconfigFile {
  clusters: { readonly name: string; readonly cluster: object }[];
  users: { readonly name: string; readonly user: object }[];
}

function jsonpath(field: string): string {
  return `jsonpath={.clusters[0].cluster.${field}}`;
}

async function kubeconfigOf(cluster: Cluster): Promise<string> {
  const text = readFileSync(cluster.kubeconfigPath, 'utf8');
  if (text.trimStart().startsWith('{')) return text;
  return await cluster.kubectl('config', 'view', '--raw', '-o', 'json');
}
