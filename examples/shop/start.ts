/**
 * `npm start`: the backends of the shop, then a gateway before them.
 *
 * Usage: npm start -- [--listen ADDRESS:PORT] [--admin ADDRESS:PORT]
 *
 * The backends listen on 127.0.0.1:9001 to 9003, as gateway.d/ says. Ctrl-C ends all of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { catalogBackend } from './backends/catalog.ts';
import { listen } from './backends/http.ts';
import { usersBackend } from './backends/users.ts';
import { commandsToTry } from './try.ts';

const READY_DEADLINE_MS = 30_000;
const READY_POLL_MS = 50;
const SAME_SIGNAL_MS = 500;

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const FOLDER = fileURLToPath(new URL('./gateway.d', import.meta.url));

const { values: options } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:8080' },
    admin: { type: 'string', default: '127.0.0.1:9901' },
  },
});

const backends: readonly { readonly name: string; readonly port: number; readonly server: Server }[] = [
  { name: 'users', port: 9001, server: usersBackend() },
  { name: 'catalog', port: 9002, server: catalogBackend('v1') },
  { name: 'catalog-next', port: 9003, server: catalogBackend('v2') },
];

async function startBackends(): Promise<boolean> {
  for (const { name, port, server } of backends) {
    try {
      await listen(server, port);
    } catch (error) {
      console.error(
        `The example backend "${name}" can't listen on 127.0.0.1:${port}: ${(error as Error).message}`,
      );
      console.error(`See what has the port with: ss -ltnp 'sport = :${port}'`);
      console.error('End that program, or write another port here and in examples/shop/gateway.d.');
      return false;
    }
  }
  return true;
}

function stopBackends(): void {
  for (const { server } of backends) {
    server.close();
    server.closeAllConnections();
  }
}

/** True when the gateway says that it is ready; false when it ended before, or took too long. */
async function untilReady(hasEnded: () => boolean): Promise<boolean> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!hasEnded() && Date.now() < deadline) {
    const ready = await fetch(`http://${options.admin}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return true;
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return false;
}

function printCommands(): void {
  console.log(`\nThe shop is open at http://${options.listen}. In another terminal, try:\n`);
  for (const { what, command } of commandsToTry(options.listen, options.admin)) {
    console.log(`  # ${what}\n  ${command}\n`);
  }
  console.log('The routes are in examples/shop/gateway.d. Below is the access log. Ctrl-C ends all of it.\n');
}

/** The first signal drains the gateway, a later one forces it. A terminal and npm may both send the same one. */
function forwardSignals(gateway: ChildProcess): void {
  let lastAtMs = Number.NEGATIVE_INFINITY;
  const forward = () => {
    const nowMs = performance.now();
    if (nowMs - lastAtMs > SAME_SIGNAL_MS) gateway.kill('SIGTERM');
    lastAtMs = nowMs;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
}

async function runGateway(): Promise<number> {
  // In a process group of its own: Ctrl-C in a terminal would reach it twice otherwise, and the second forces.
  const gateway = spawn(
    process.execPath,
    [MAIN, 'serve', FOLDER, '--listen', options.listen, '--admin', options.admin],
    { stdio: ['ignore', 'inherit', 'inherit'], detached: true },
  );
  const ended = once(gateway, 'exit') as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  const hasEnded = () => gateway.exitCode !== null || gateway.signalCode !== null;
  forwardSignals(gateway);
  process.on('exit', () => gateway.kill('SIGKILL'));

  if (await untilReady(hasEnded)) {
    printCommands();
  } else if (hasEnded()) {
    console.error('\nThe gateway did not start; the reason is above.');
    console.error(
      'Is a port taken? Choose others: npm start -- --listen 127.0.0.1:8081 --admin 127.0.0.1:9902',
    );
  } else {
    console.error(`\nThe gateway is not ready after ${READY_DEADLINE_MS / 1000} s.`);
    gateway.kill('SIGTERM');
  }
  const [code] = await ended;
  return code ?? 1;
}

if (await startBackends()) {
  try {
    process.exitCode = await runGateway();
  } finally {
    stopBackends();
  }
} else {
  stopBackends();
  process.exitCode = 1;
}
