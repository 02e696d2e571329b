import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminServer } from '../admin/server.ts';
import { ListenError } from '../control/publisher.ts';
import type { Finding } from '../ir/finding.ts';
import type { ListenerIr } from '../ir/settings.ts';
import type { ProgramLog } from '../observe/log.ts';
import { claimPort } from './claim-port.ts';
import type { Config } from './config.ts';
import { type DataPlaneThreads, startThreads } from './data-plane.ts';
import { CommandError, EXIT } from './exit-code.ts';
import type { OpenFeed, TableFeed } from './feed.ts';
import type { GatewayHooks } from './gateway-hooks.ts';

/** Where a running gateway is reached, and what it serves. */
export interface GatewaySummary {
  readonly listeners: readonly ListenerIr[];
  readonly admin: { readonly address: string; readonly port: number };
  readonly threads: number;
  readonly routes: number;
  readonly findings: readonly Finding[];
}

/** A thread that does not answer a drain is not waited for longer than the drain's own time and this. */
const DRAIN_GRACE_MS = 2_000;

/**
 * The program: who publishes tables → threads, with the admin server beside them. Parts start in the order in
 * which they need one another and stop in reverse.
 */
export class Gateway {
  readonly #config: Config;
  readonly #log: ProgramLog;
  readonly #listeners: readonly ListenerIr[];
  readonly #threads: DataPlaneThreads;
  readonly #feed: TableFeed;
  readonly #hooks: GatewayHooks;
  #admin: AdminServer | null = null;
  #draining = false;

  private constructor(
    config: Config,
    listeners: readonly ListenerIr[],
    openFeed: OpenFeed,
    threads: DataPlaneThreads,
    log: ProgramLog,
    hooks: GatewayHooks,
  ) {
    this.#hooks = hooks;
    this.#config = config;
    this.#log = log;
    this.#listeners = listeners;
    this.#threads = threads;
    this.#feed = openFeed(threads.publisher);
  }

  /**
   * Resolves when every thread listens with the first table, and the admin server answers. Threads load their
   * code while the source is read; the admin server's is loaded after that, when it holds nothing up.
   * @throws CommandError when the source can't be read or an address can't be listened on; nothing is left running.
   */
  static async start(
    config: Config,
    openFeed: OpenFeed,
    log: ProgramLog,
    hooks: GatewayHooks = {},
  ): Promise<Gateway> {
    // Without threads nobody listens: data planes that run apart do.
    const wanted = config.threads === 0 ? [] : config.settings.listeners;
    const listeners = await Promise.all(wanted.map(claimPort)).catch(refuseListen);
    const threads = await startThreads(config.threads, { ...config.settings, listeners }, log);
    const gateway = new Gateway(config, listeners, openFeed, threads, log, hooks);
    try {
      await gateway.#start();
      return gateway;
    } catch (error) {
      await gateway.#close();
      throw error;
    }
  }

  get summary(): GatewaySummary {
    return {
      listeners: this.#listeners,
      admin: { address: this.#admin?.address ?? '', port: this.#admin?.port ?? 0 },
      threads: this.#config.threads,
      routes: this.#threads.publisher.state.ir.routes.length,
      findings: this.#feed.findings,
    };
  }

  /** Opens the log files anew, for log rotation. */
  reopenLogs(): void {
    this.#threads.accessLog.reopen();
  }

  /**
   * Readiness goes first, then (after the configured delay) the listeners; running requests are finished.
   * @returns how many requests were cut off because they took longer than the drain may.
   */
  async drain(): Promise<number> {
    this.#draining = true;
    await sleep(this.#config.drainDelayMs);
    const { drainMs } = this.#config.settings.timeouts;
    const { publisher } = this.#threads;
    const late = sleep(drainMs + DRAIN_GRACE_MS, 0, { ref: false });
    const aborted = await Promise.race([publisher.drain(drainMs), late]);
    await this.#close();
    return aborted;
  }

  async #start(): Promise<void> {
    const { publisher } = this.#threads;
    const read = this.#feed.start().catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(
        EXIT.usage,
        `${this.#config.directory}: error: cannot be read: ${error.message}`,
      );
    });
    const ready = Promise.race([
      read,
      ...(this.#hooks.restored === undefined ? [] : [this.#hooks.restored()]),
    ]);
    // Clients need not wait for the watch of the source, which begins after the first table.
    await Promise.race([ready, publisher.published]);
    await publisher.listen().catch(refuseListen);
    await ready;
    this.#admin = await this.#startAdmin().catch(refuseListen);
  }

  async #startAdmin(): Promise<AdminServer> {
    const [{ startAdminServer }, { createAdminView }, { purge }] = await Promise.all([
      import('../admin/server.ts'),
      import('./admin-view.ts'),
      import('./purge.ts'),
    ]);
    const { publisher, cache } = this.#threads;
    const purgeOptions = {
      memory: cache,
      threadId: this.#config.threads,
      redis: this.#config.settings.redis,
      ir: () => publisher.state.ir,
      log: this.#log,
    };
    const view = createAdminView(this.#threads, {
      findings: () => this.#feed.findings,
      draining: () => this.#draining,
      listeners: this.#listeners,
      hooks: this.#hooks,
      purge: (selections) => purge(selections, purgeOptions),
    });
    const onError = (error: Error): void => this.#log.error(error, 'an admin page could not be made');
    return startAdminServer({ ...this.#config.admin, view, onError });
  }

  async #close(): Promise<void> {
    await this.#hooks.closing?.();
    await this.#feed.stop();
    await this.#threads.close();
    await this.#admin?.close();
  }
}

function refuseListen(error: Error): never {
  const place = error instanceof ListenError ? `listener "${error.listener}": ` : '';
  throw new CommandError(EXIT.cannotListen, `error: ${place}${error.message}`);
}
