import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Programs that still run: ended when the benchmark ends, however it ends. */
const running = new Set<Program>();

process.once('exit', () => {
  for (const program of running) program.child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Standard output goes there, and is not part of `output`. */
  readonly stdoutFile?: string;
}

/** A program under measurement or around it. */
export class Program {
  readonly name: string;
  readonly child: ChildProcess;
  #output = '';
  #exited = false;

  /** `core`: the only core that it may use; null: any. */
  constructor(
    name: string,
    core: number | null,
    command: string,
    args: readonly string[],
    { env = {}, stdoutFile }: ProgramOptions = {},
  ) {
    this.name = name;
    const pinned = core === null ? [command, ...args] : ['taskset', '-c', String(core), command, ...args];
    this.child = spawn(pinned[0]!, pinned.slice(1), {
      stdio: ['ignore', stdoutFile === undefined ? 'pipe' : openSync(stdoutFile, 'w'), 'pipe'],
      env: { ...process.env, ...env },
    });
    running.add(this);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-100_000);
      });
    }
    this.child.once('error', (error) => this.#ended(error.message));
    this.child.once('close', () => this.#ended(''));
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }
  get output(): string {
    return this.#output;
  }
  get exited(): boolean {
    return this.#exited;
  }

  async stop(): Promise<void> {
    if (!this.#exited) this.child.kill('SIGTERM');
    for (let i = 0; i < 500 && !this.#exited; i++) await sleep(10);
    if (!this.#exited) this.child.kill('SIGKILL');
  }

  /** @throws Error with the program's output when it ends or takes longer than 20 s. */
  async listening(port: number): Promise<void> {
    for (let i = 0; i < 2000; i++) {
      if (this.#exited) break;
      if (await accepts(port)) return;
      await sleep(10);
    }
    throw new Error(`${this.name} does not listen on ${port}:\n${this.#output}`);
  }

  #ended(message: string): void {
    this.#exited = true;
    this.#output += message;
    running.delete(this);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Runs a tool to its end. @throws Error when it fails */
export function run(
  core: number | null,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const program = new Program(command, core, command, args, { env });
  return new Promise((resolve, reject) => {
    program.child.once('error', reject);
    program.child.once('close', (code) => {
      if (code === 0) resolve(program.output);
      else reject(new Error(`${command} ended with ${code}:\n${program.output}`));
    });
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
