import { type ChildProcess, spawn } from 'node:child_process';
import { until } from './wait.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process with its output kept. */
export class Program {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  exit: Exit | null = null;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.child.on('error', (error) => {
      this.stderr += error.message;
      this.exit ??= { code: null, signal: null };
    });
    this.child.on('close', (code, signal) => {
      this.exit = { code, signal };
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get output(): string {
    return `stdout: ${this.stdout}\nstderr: ${this.stderr}`;
  }

  async exited(deadlineMs = 20_000): Promise<Exit> {
    await until(() => this.exit !== null, `the program ends\n${this.output}`, deadlineMs);
    return this.exit!;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.exit === null) this.child.kill(signal);
  }
}
