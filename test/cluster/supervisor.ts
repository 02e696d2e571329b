import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Binaries } from './binaries.ts';
import { runCommand, spawnCommand } from './command.ts';
import type { Component, ComponentName, Readiness } from './components.ts';
import type { Layout } from './layout.ts';
import { isAlive, type ProcessRef, processInside, signalProcess, waitForExit } from './processes.ts';
import { systemPath } from './requirements.ts';
import { enterAll, enterNetwork, type Sandbox } from './sandbox.ts';
import { readState, writeState } from './state.ts';
import { GiveUp, waitUntil } from './wait.ts';

const readyTimeoutMs = 180_000;
const waitReadyScript = fileURLToPath(new URL('./wait-ready.ts', import.meta.url));

/**
 * Starts `$2 $3...` with output to file `$1`, and prints its pid. As its parent ends, pid 1 of the cluster takes care
 * of it: `nsenter` as a parent would stop when it is stopped, and wait to be continued too.
 */
const detach = 'log="$1"; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!';

/**
 * Starts and ends the components inside a sandbox. Nothing restarts a component that ends by itself: a test shall
 * notice. The state file always names what runs, so that another process can go on.
 */
export class Supervisor {
  readonly #sandbox: Sandbox;
  readonly #layout: Layout;
  readonly #binaries: Binaries;

  constructor(sandbox: Sandbox, layout: Layout, binaries: Binaries) {
    this.#sandbox = sandbox;
    this.#layout = layout;
    this.#binaries = binaries;
  }

  /** The process of a component, undefined when it does not run. */
  running(name: ComponentName): ProcessRef | undefined {
    const ref = readState(this.#layout.stateFile)?.components[name];
    return ref !== undefined && isAlive(ref) ? ref : undefined;
  }

  /**
   * Starts a component without waiting for it to serve.
   * @throws Error when it runs already, or has ended at once
   */
  async launch(component: Component): Promise<void> {
    const { name, program, args } = component;
    if (this.running(name) !== undefined) throw new Error(`${name} runs already`);
    // No variable of ours: a proxy's address among them would send requests for pods elsewhere.
    const path = [...this.#binaries.directories, systemPath].join(delimiter);
    const environment = ['-i', `PATH=${path}`, `HOME=${this.#layout.clients}`];
    const words = ['setsid', 'env', ...environment, program, ...args];
    const shell = ['-euc', detach, 'sh', this.#logFile(name), ...words];
    const [command, ...rest] = enterAll(this.#sandbox, 'sh', shell);
    const { stdout } = await runCommand(command, rest);
    const ref = processInside(this.#sandbox.init, Number(stdout));
    if (ref === undefined)
      throw new Error(`${name} has ended at once; the end of its log:\n${this.#endOfLog(name)}`);
    this.#record(name, ref);
  }

  /**
   * Resolves once a component serves.
   * @throws Error with the end of its log when it has ended instead, or takes too long
   */
  async ready(component: Component): Promise<void> {
    const asking = new AbortController();
    const serves = untilReady(component.ready, this.#sandbox, asking.signal);
    let isReady = false;
    try {
      const what = `${component.name} to serve`;
      const probe = async (): Promise<boolean> => {
        if (this.running(component.name) === undefined) throw new GiveUp(`${component.name} has ended`);
        isReady ||= await Promise.race([serves, Promise.resolve(false)]);
        return isReady;
      };
      await waitUntil(probe, { what, timeoutMs: readyTimeoutMs, intervalMs: 25 });
    } catch (error) {
      const end = this.#endOfLog(component.name);
      throw new Error(`${component.name} does not serve; the end of its log:\n${end}`, { cause: error });
    } finally {
      asking.abort();
    }
  }

  /** Sends a signal; for those that end a process, resolves once it has ended. */
  async kill(name: ComponentName, signal: NodeJS.Signals): Promise<void> {
    const ref = this.running(name);
    if (ref === undefined) throw new Error(`${name} does not run`);
    signalProcess(ref, signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT')
      await waitForExit(ref, name, 60_000);
  }

  #record(name: ComponentName, ref: ProcessRef): void {
    const state = readState(this.#layout.stateFile);
    if (state === undefined) throw new Error(`${this.#layout.dir}: the cluster is gone`);
    writeState(this.#layout.stateFile, { ...state, components: { ...state.components, [name]: ref } });
  }

  #endOfLog(name: ComponentName): string {
    return readFileSync(this.#logFile(name), 'utf8').slice(-3000);
  }

  #logFile(name: ComponentName): string {
    return join(this.#layout.logs, `${name}.log`);
  }
}

/** Resolves with true once it serves, and with false when aborted before. */
function untilReady(readiness: Readiness, sandbox: Sandbox, signal: AbortSignal): Promise<boolean> {
  switch (readiness.kind) {
    case 'url': {
      const [command, ...args] = enterNetwork(sandbox, process.execPath, [waitReadyScript, readiness.url]);
      const child = spawnCommand(command, args, { stdio: 'ignore' });
      signal.addEventListener('abort', () => child.kill('SIGKILL'));
      return new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code) => resolve(code === 0));
      });
    }
    case 'socket':
      return waitUntil(() => signal.aborted || accepts(readiness.path), {
        what: readiness.path,
      });
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
