import type { ReadinessWarning } from '../admin/view.ts';
import type { Publisher } from '../control/publisher.ts';
import type { AckPage } from '../ir/acks.ts';
import type { Finding } from '../ir/finding.ts';
import type { GaugeSample } from '../observe/metrics-page.ts';
import type { ResourceChange } from '../sources/source.ts';
import type { Translator } from '../translate/translator.ts';

/** Where parts that only some shapes of the program have take part in a gateway's life. */
export interface GatewayHooks {
  /** The threads are started and have no table yet. */
  created?(publisher: Publisher, translator: Translator): void;
  /**
   * Resolves when a table from before was published, because the source can't be read yet: the gateway serves it. Never
   * resolves when there is none.
   */
  restored?(): Promise<void>;
  /** The control loop has taken a change; the generation is the one that serves it. */
  published?(generation: number, change: ResourceChange): void;
  /** Changes have paused: everything that is known to be wrong now. */
  reviewed?(findings: readonly Finding[]): void;
  /** See `AdminView.acks`. */
  acks?(epoch: string, cursor: number, waitMs: number): Promise<AckPage>;
  gauges?(): Iterable<GaugeSample>;
  /** See `AdminView.warnings`. */
  warnings?(): readonly ReadinessWarning[];
  /** Before the source is stopped. */
  closing?(): Promise<void>;
}
