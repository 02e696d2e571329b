import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** How a program is run; everything has a default. */
export interface RunOptions {
  /** Written to the program's standard input, which is empty otherwise. */
  readonly input?: string;
  /** Set in addition to this process's own variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program is killed after it; no limit by default. */
  readonly timeoutMs?: number;
  /** Return rather than throw when the program fails. */
  readonly allowFailure?: boolean;
}

/** What came of a program that has ended. */
export interface RunResult {
  /** Exit code; 128 + 9 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program's exit code was not 0. The message holds the end of its stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly result: RunResult;
  constructor(command: string, args: readonly string[], result: RunResult) {
    const line = [command, ...args].join(' ');
    super(`${line.slice(0, 300)}: exit code ${result.code}\n${result.stderr.slice(-2000)}`);
    this.result = result;
  }
}

const signalExitCode = 137;

/**
 * Runs a program to its end and collects its output.
 * @throws CommandError when its exit code is not 0, unless `allowFailure`
 * @throws Error when there is no such program
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeoutMs === undefined
      ? {}
      : { timeout: options.timeoutMs, killSignal: 'SIGKILL' as const }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program may end without reading its input: its exit code tells what matters.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const result = { code: code ?? signalExitCode, stdout, stderr };
      if (result.code === 0 || options.allowFailure) resolve(result);
      else reject(new CommandError(command, args, result));
    });
  });
}

/** Starts a program for the caller to talk to or to end; like `spawn` with pipes unless told otherwise. */
export function spawnCommand(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return spawn(command, args, { stdio: 'pipe', ...options, env: { ...process.env, ...options.env } });
}

/** Runs a program with this process's own terminal and gives its exit code. */
export function runAttached(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? signalExitCode));
  });
}
