import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Cluster, fetchInside, type InsideReply, waitUntil } from '../index.ts';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface GatewayOptions {
  readonly identity: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface LogLine {
  readonly event?: string;
  readonly [field: string]: unknown;
}

/** `portreeve controller` from this checkout, where the cluster's addresses are reached. */
export class GatewayProcess {
  readonly #cluster: Cluster;
  readonly #child: ChildProcess;
  #port = 0;
  #adminPort = 0;
  stderr = '';
  exited = false;

  private constructor(cluster: Cluster, { identity, args = [], env = {} }: GatewayOptions) {
    this.#cluster = cluster;
    this.#child = cluster.spawn(
      process.execPath,
      [
        ...[main, 'controller', '--identity', identity, '--own-namespace', 'default'],
        ...['--listen', '0.0.0.0:0', '--admin', '0.0.0.0:0', '--threads', '2'],
        ...args,
      ],
      { env: { ...process.env, KUBECONFIG: cluster.kubeconfigPath, ...env } },
    );
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#child.stdout!.resume();
    this.#child.on('exit', () => {
      this.exited = true;
    });
  }

  /** Started, but not ready. */
  static spawn(cluster: Cluster, options: GatewayOptions): GatewayProcess {
    return new GatewayProcess(cluster, options);
  }

  static async start(cluster: Cluster, options: GatewayOptions): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(cluster, options);
    await gateway.ready();
    return gateway;
  }

  async ready(): Promise<void> {
    await waitUntil(() => this.exited || this.events('ready').length > 0, {
      what: `the controller is ready\n${this.stderr}`,
    });
    const [line] = this.events('ready');
    if (line === undefined) throw new Error(`the controller ended\n${this.stderr}`);
    this.#port = (line.listeners as { port: number }[])[0]?.port ?? 0;
    this.#adminPort = line.adminPort as number;
  }

  get adminPort(): number {
    return this.#adminPort;
  }

  events(name: string): readonly LogLine[] {
    return this.stderr
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as LogLine)
      .filter((line) => line.event === name);
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<InsideReply> {
    return (await fetchInside(this.#cluster, `http://127.0.0.1:${this.#port}${path}`, { headers }))[0]!;
  }

  /** A page of the admin server. */
  async admin(path: string): Promise<InsideReply> {
    return (await fetchInside(this.#cluster, `http://127.0.0.1:${this.#adminPort}${path}`))[0]!;
  }

  async metric(name: string): Promise<number | undefined> {
    const { body } = await this.admin('/metrics');
    const line = body.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.exited) this.#child.kill(signal);
    await waitUntil(() => this.exited, { what: 'the controller ends' });
  }
}
