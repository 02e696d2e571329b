import type { Finding } from '../ir/finding.ts';
import { loadFolder } from '../sources/files/load.ts';
import { Translator } from '../translate/translator.ts';
import type { Config } from './config.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { loadConfig } from './load-config.ts';
import { reviewRoutes } from './review.ts';

/** A folder as `serve` would see it, without serving it. */
export interface Offline {
  readonly config: Config;
  readonly translator: Translator;
  readonly findings: readonly Finding[];
}

/** @throws CommandError when the folder or the configuration can't be read. */
export async function loadOffline(directory: string, configFile: string | null): Promise<Offline> {
  const { config, validators } = await loadConfig(directory, configFile, {});
  const { objects, findings } = await loadFolder(directory, validators).catch((error: Error) => {
    throw new CommandError(EXIT.usage, `${directory}: error: cannot be read: ${error.message}`);
  });
  const translator = new Translator(config.translate);
  translator.update({ upsert: objects, remove: [], findings });
  return { config, translator, findings: [...translator.findings, ...reviewRoutes(translator)] };
}
