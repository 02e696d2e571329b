import { ControlLoop } from '../control/loop.ts';
import type { Publisher } from '../control/publisher.ts';
import type { Finding } from '../ir/finding.ts';
import type { ProgramLog } from '../observe/log.ts';
import type { ResourceSource } from '../sources/source.ts';
import { Translator } from '../translate/translator.ts';
import type { Config } from './config.ts';
import { FindingLog } from './finding-log.ts';
import type { GatewayHooks } from './gateway-hooks.ts';
import { reviewRoutes } from './review.ts';

/** Who publishes tables to the threads of a gateway: a control loop over a source, or a controller that is followed. */
export interface TableFeed {
  /**
   * Resolves when a first table is published.
   * @throws Error when there can't be one.
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Everything that is known to be wrong now. */
  readonly findings: readonly Finding[];
}

export type OpenFeed = (publisher: Publisher) => TableFeed;

/** Tables that are translated here, out of the objects of a source. */
export function sourceFeed(
  config: Config,
  source: ResourceSource,
  log: ProgramLog,
  hooks: GatewayHooks = {},
): OpenFeed {
  return (publisher) => {
    const findingLog = new FindingLog(log);
    const translator = new Translator(config.translate);
    const loop = new ControlLoop({
      source,
      translator,
      publisher,
      review: () => reviewRoutes(translator),
      onFindings: (findings) => {
        findingLog.update(findings);
        hooks.reviewed?.(findings);
      },
      onPublished: (generation, change) => hooks.published?.(generation, change),
    });
    hooks.created?.(publisher, translator);
    return loop;
  };
}
