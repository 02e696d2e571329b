import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { certificateFor, secretWith, tlsListener } from './certificates.ts';
import { type Exit, Program } from './process.ts';
import { TempFolder } from './temp-folder.ts';
import { tlsOfClients } from './transport.ts';
import { until } from './wait.ts';

export const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface GatewayOptions {
  /** Files of the folder that is served. */
  readonly files: Readonly<Record<string, string>>;
  /** `portreeve.yaml`: the program's own settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly threads?: number;
  readonly args?: readonly string[];
  /** The listeners of `settings` in place of one that is plain. */
  readonly ownListeners?: true;
}

/** A running `portreeve serve`, spoken to only as a user can: files, sockets, signals. */
export class Gateway {
  readonly program: Program;
  readonly folder: TempFolder;
  port = 0;
  adminPort = 0;
  listeners: readonly { readonly name: string; readonly port: number }[] = [];
  #draining = false;

  constructor(program: Program, folder: TempFolder) {
    this.program = program;
    this.folder = folder;
  }

  /** The end of what it said, for people. */
  get log(): string {
    return this.program.output.slice(-10_000);
  }

  /** Replaces a file of the served folder. */
  write(name: string, text: string): void {
    this.folder.write(`gateway.d/${name}`, text);
  }

  async admin(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
      headers: { connection: 'close' },
    });
    return { status: response.status, text: await response.text() };
  }

  async generation(): Promise<number> {
    const config = JSON.parse((await this.admin('/config')).text) as { generation: number };
    return config.generation;
  }

  /** SIGTERM, then a clean exit. */
  async stop(): Promise<void> {
    try {
      const exit = await this.terminate();
      expect(exit, this.log).toEqual({ code: 0, signal: null });
    } finally {
      this.program.kill('SIGKILL');
      this.folder.delete();
    }
  }

  /** SIGTERM, once: a second one would end it without finishing what runs. */
  beginDrain(): void {
    if (!this.#draining) this.program.kill('SIGTERM');
    this.#draining = true;
  }

  async terminate(): Promise<Exit> {
    this.beginDrain();
    return this.program.exited();
  }
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const overTls = tlsOfClients() !== null && options.ownListeners === undefined;
  const secret = overTls ? { 'transport-tls.yaml': await secretOfTransport() } : {};
  const files = Object.entries({ ...options.files, ...secret }).map(([name, text]) => [
    `gateway.d/${name}`,
    text,
  ]);
  const folder = new TempFolder(Object.fromEntries(files));
  const listeners = overTls ? { listeners: [tlsListener(['transport-tls'], 'http')] } : {};
  const settings = stringify({ accessLog: { disabled: {} }, ...listeners, ...options.settings });
  folder.write('portreeve.yaml', settings);
  const program = new Program(process.execPath, [
    MAIN,
    'serve',
    `${folder.path}/gateway.d`,
    ...(options.ownListeners || overTls ? [] : ['--listen', '127.0.0.1:0']),
    ...['--admin', '127.0.0.1:0', '--threads', String(options.threads ?? 1)],
    ...['--config-file', `${folder.path}/portreeve.yaml`],
    ...(options.args ?? []),
  ]);
  const gateway = new Gateway(program, folder);
  try {
    await until(
      () => program.exit !== null || readPorts(gateway),
      `the gateway is ready\n${gateway.log}`,
      30_000,
    );
    if (program.exit !== null) throw new Error(`the gateway did not start\n${gateway.log}`);
    return gateway;
  } catch (error) {
    program.kill('SIGKILL');
    folder.delete();
    throw error;
  }
}

let transportSecret: Promise<string> | null = null;

/** One for all gateways of a test file. */
function secretOfTransport(): Promise<string> {
  transportSecret ??= certificateFor('shop.test').then((pair) => secretWith('transport-tls', pair));
  return transportSecret;
}

/** The chosen ports stand in the line that says that the gateway is ready. */
function readPorts(gateway: Gateway): boolean {
  for (const line of gateway.program.stderr.split('\n')) {
    if (!line.startsWith('{') || !line.endsWith('}')) continue;
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (entry.event !== 'ready') continue;
    gateway.listeners = entry.listeners as Gateway['listeners'];
    gateway.port = gateway.listeners[0]!.port;
    gateway.adminPort = entry.adminPort as number;
    return true;
  }
  return false;
}
