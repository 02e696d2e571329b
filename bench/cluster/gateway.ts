import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUs, memoryBytes } from '../lib/proc.ts';
import { Program } from '../lib/program.ts';
import { type HeapUse, heapUse } from './heap.ts';

interface ReadyLine {
  readonly event: string;
  readonly routes: number;
  readonly adminPort: number;
  readonly listeners: readonly { readonly port: number }[];
}

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const READY_MS = 120_000;
const STATUSES_MS = 900_000;

/** The built controller, from its start to its end. */
export class Gateway {
  readonly program: Program;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  /** What it printed until it was ready. */
  #beginning = '';
  #port = 0;
  #adminPort = 0;
  readyMs = 0;
  readyCpuMs = 0;
  routes = 0;

  private constructor(args: readonly string[]) {
    const listen = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    this.program = new Program('portreeve', null, process.execPath, [
      ...['--inspect=127.0.0.1:0', MAIN, 'controller', '--own-namespace', 'default', '--identity', 'bench'],
      ...[...listen, ...args],
    ]);
  }

  /** Resolves when it says that it is ready. */
  static async start(namespace: string, threads: number): Promise<Gateway> {
    const beganMs = performance.now();
    const gateway = new Gateway(['--namespace', namespace, '--threads', String(threads)]);
    const line = await gateway.#readyLine();
    gateway.readyMs = performance.now() - beganMs;
    gateway.readyCpuMs = cpuUs(gateway.program.pid) / 1000;
    gateway.#port = line.listeners[0]!.port;
    gateway.#adminPort = line.adminPort;
    gateway.routes = line.routes;
    return gateway;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.program.stop();
  }

  /** Status and body of one request to the host `NAME.example.com`. */
  ask(name: string): Promise<{ readonly status: number; readonly body: string }> {
    return this.#get(this.#port, '/', `${name}.example.com`);
  }

  /** Every value of a metric. */
  async metrics(name: string): Promise<readonly number[]> {
    const { body } = await this.#get(this.#adminPort, '/metrics', '127.0.0.1');
    return body
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  }

  async metric(name: string): Promise<number> {
    return Math.max(0, ...(await this.metrics(name)));
  }

  get cpuMs(): number {
    return cpuUs(this.program.pid) / 1000;
  }

  get residentBytes(): number {
    return memoryBytes(this.program.pid, 'VmRSS');
  }

  /** Without garbage. */
  heapUse(): Promise<HeapUse> {
    return heapUse(this.#beginning);
  }

  async #readyLine(): Promise<ReadyLine> {
    const endMs = performance.now() + READY_MS;
    while (performance.now() < endMs && !this.program.exited) {
      const text = this.program.output.split('\n').find((line) => line.includes('"event":"ready"'));
      if (text !== undefined) {
        this.#beginning = this.program.output;
        return JSON.parse(text) as ReadyLine;
      }
      await sleep(5);
    }
    throw new Error(`it was never ready:\n${this.program.output}`);
  }

  #get(port: number, path: string, host: string): Promise<{ status: number; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const options = { agent: this.#agent, host: '127.0.0.1', port, path, headers: { host } };
    const request = http.get(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
    return promise;
  }
}

/** Resolves when no status waits to be written: what follows is not measured together with that. */
export async function statusesWritten(gateway: Gateway): Promise<void> {
  const endMs = performance.now() + STATUSES_MS;
  await sleep(5_000);
  while ((await gateway.metric('gateway_status_waiting')) > 0) {
    if (performance.now() > endMs) throw new Error('statuses are never all written');
    await sleep(500);
  }
}

/** Answers with the address that a connection came in by, for as long as the process lives. */
export async function startBackend(port: number): Promise<() => void> {
  const server = http.createServer((request, response) => response.end(request.socket.localAddress));
  server.listen(port, '0.0.0.0');
  await new Promise((resolve) => server.once('listening', resolve));
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}
