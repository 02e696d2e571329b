import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';
import { Program } from './process.ts';
import { TempFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const run = promisify(execFile);
/** Redis programs end when the test's program does, however it ends. */
const running = new Set<RedisProcess>();
process.on('exit', () => {
  for (const one of running) one.kill();
});

/** A port of this machine that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A real Redis program on the loopback address: a server, a Sentinel, or a node of a cluster. */
export class RedisProcess {
  readonly port: number;
  readonly #args: (port: number) => Promise<readonly string[]>;
  readonly #folder = new TempFolder();
  readonly #sentinel: string | null;
  #program: Program | null = null;

  private constructor(
    port: number,
    args: (port: number) => Promise<readonly string[]>,
    sentinel: string | null,
  ) {
    this.port = port;
    this.#args = args;
    this.#sentinel = sentinel;
  }

  /** A server that keeps nothing on disk. */
  static async server(...args: readonly string[]): Promise<RedisProcess> {
    return RedisProcess.#begin(() => Promise.resolve(args), null);
  }

  static async clusterNode(): Promise<RedisProcess> {
    return RedisProcess.#begin(
      async () => [
        ...['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())],
        ...['--cluster-node-timeout', '1000', '--cluster-require-full-coverage', 'no'],
        ...['--repl-diskless-sync-delay', '0'],
      ],
      null,
    );
  }

  /** @param config lines of `sentinel.conf` beside the address */
  static async sentinel(config: readonly string[]): Promise<RedisProcess> {
    return RedisProcess.#begin(() => Promise.resolve([]), config.join('\n'));
  }

  static async #begin(
    args: (port: number) => Promise<readonly string[]>,
    sentinel: string | null,
  ): Promise<RedisProcess> {
    for (let tries = 1; ; tries++) {
      const one = new RedisProcess(await freePort(), args, sentinel);
      running.add(one);
      try {
        await one.start();
        return one;
      } catch (error) {
        await one.stop();
        // Somebody else may have taken the port meanwhile.
        if (tries === 3) throw error;
      }
    }
  }

  get pid(): number {
    return this.#program?.pid ?? -1;
  }

  /** Starts it, or starts it again after {@link crash}: on the same port, with nothing of what it knew. */
  async start(): Promise<void> {
    const address = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.path];
    const own = await this.#args(this.port);
    if (this.#sentinel !== null) this.#folder.write('sentinel.conf', `${this.#sentinel}\n`);
    this.#program =
      this.#sentinel === null
        ? new Program('redis-server', [...address, '--save', '', '--appendonly', 'no', ...own])
        : new Program('redis-sentinel', [`${this.#folder.path}/sentinel.conf`, ...address]);
    const program = this.#program;
    await until(
      async () => program.exit !== null || (await this.cli('ping').catch(() => '')) !== '',
      `redis answers\n${program.output}`,
    );
    if (program.exit !== null) throw new Error(`redis did not start\n${program.output}`);
  }

  /** What `redis-cli` prints. */
  async cli(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args], { timeout: 10_000 });
    return stdout.trim();
  }

  /** How often a command was called; 0 for one that never was. */
  async calls(command: string): Promise<number> {
    const stats = await this.cli('info', 'commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=([0-9]+)`).exec(stats)?.[1] ?? 0);
  }

  /** It takes connections, and says nothing on any. */
  hang(): void {
    this.#program?.kill('SIGSTOP');
  }

  goOn(): void {
    this.#program?.kill('SIGCONT');
  }

  async crash(): Promise<void> {
    this.kill();
    await this.#program?.exited();
  }

  kill(): void {
    this.#program?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.crash();
    running.delete(this);
    this.#folder.delete();
  }
}
