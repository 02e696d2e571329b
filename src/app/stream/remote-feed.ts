import type { ReadinessWarning } from '../../admin/view.ts';
import type { Publisher } from '../../control/publisher.ts';
import type { StreamTarget } from '../../control/remote/connect.ts';
import { TableFollower } from '../../control/remote/follower.ts';
import type { Finding } from '../../ir/finding.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import { SavedTable } from '../controller/saved-table.ts';
import { TableKeeper } from '../controller/table-keeper.ts';
import type { TableFeed } from '../feed.ts';
import type { GatewayHooks } from '../gateway-hooks.ts';
import { VERSION } from '../version.ts';

export interface RemoteFeedOptions {
  readonly target: () => Promise<Omit<StreamTarget, 'instance' | 'from'>>;
  /** Folder of the last good table; null: none is kept. */
  readonly stateDir: string | null;
  readonly log: ProgramLog;
}

/** Tables that a controller tells, and the last good one from disk while none does. */
export class RemoteFeed implements TableFeed, GatewayHooks {
  /** A controller keeps them, and writes them where they belong. */
  readonly findings: readonly Finding[] = [];
  readonly #options: RemoteFeedOptions;
  #follower: TableFollower | null = null;
  #keeper: TableKeeper | null = null;
  #restored = false;
  #synced = false;

  constructor(options: RemoteFeedOptions) {
    this.#options = options;
  }

  open(publisher: Publisher): TableFeed {
    const { target, stateDir, log } = this.#options;
    if (stateDir !== null)
      this.#keeper = new TableKeeper(new SavedTable(stateDir, VERSION.version), publisher, log);
    this.#follower = new TableFollower({
      ...{ publisher, target, log },
      onPublished: (what) => {
        this.#synced = true;
        this.#keeper?.changed(what);
      },
    });
    return this;
  }

  async start(): Promise<void> {
    this.#follower?.start();
    await this.#follower?.synced;
  }

  async stop(): Promise<void> {
    await this.#follower?.stop();
    await this.#keeper?.close();
  }

  async restored(): Promise<void> {
    this.#restored = (await this.#keeper?.restore('no controller')) ?? false;
    // Nothing to go on with: we wait for a controller.
    if (!this.#restored) await new Promise(() => {});
  }

  /** What is served may be old: no reason to send traffic elsewhere, for the others may be no better off. */
  warnings(): readonly ReadinessWarning[] {
    const state = this.#follower?.state;
    if (state === undefined || state.connected) return [];
    const age =
      state.heardAtMs === null
        ? 'since the start'
        : `for ${Math.round((performance.now() - state.heardAtMs) / 1000)} s`;
    const problem = state.problem === null ? '' : `: ${state.problem}`;
    return [
      {
        code: 'controllerAway',
        message: `No controller has told anything ${age}; the last good table is served${problem}`,
      },
    ];
  }

  *gauges(): Iterable<GaugeSample> {
    const state = this.#follower?.state;
    if (state === undefined) return;
    const one = (name: string, help: string, value: number): GaugeSample => ({
      name,
      help,
      labels: {},
      value,
    });
    yield one(
      'gateway_controller_connected',
      'Whether a controller is followed (1 or 0).',
      Number(state.connected),
    );
    yield one(
      'gateway_controller_failures_in_a_row',
      'Connections to a controller that failed or broke since one told anything.',
      state.failures,
    );
    yield one(
      'gateway_controller_generation',
      "The controller's last generation that all threads here serve.",
      state.generation,
    );
    if (state.heardAtMs !== null) {
      const help = 'Seconds since a controller told anything, beats included.';
      yield one('gateway_controller_silence_seconds', help, (performance.now() - state.heardAtMs) / 1000);
    }
    yield one(
      'gateway_saved_table_served',
      'Whether the table of a former run is served, because nobody has told another since (1 or 0).',
      Number(this.#restored && !this.#synced),
    );
  }
}
