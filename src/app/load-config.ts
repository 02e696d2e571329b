import { policyCatalogue } from '../policies/index.ts';
import { createValidators, type ResourceValidators } from '../resources/validate/validators.ts';
import { type Config, type Overrides, resolveProgramConfig } from './config.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Over the policies that there are; compiled schemas are kept in it. */
  readonly validators: ResourceValidators;
}

/**
 * The configuration for one folder of resources, from its file and from what the command line says.
 * @throws CommandError with a line for everything that is wrong.
 */
export async function loadConfig(
  directory: string,
  configFile: string | null,
  overrides: Overrides,
): Promise<LoadedConfig> {
  const validators = createValidators(policyCatalogue);
  const file = await readConfigFile(await findConfigFile(directory, configFile), policyCatalogue, validators);
  return { config: resolveProgramConfig(directory, file, overrides, policyCatalogue), validators };
}

/**
 * The configuration for the resources of a cluster: what its users may do is the operator's to say, in the file.
 * @throws CommandError with a line for everything that is wrong.
 */
export async function loadClusterConfig(
  configFile: string | null,
  ownNamespace: string,
  overrides: Overrides,
): Promise<LoadedConfig> {
  const validators = createValidators(policyCatalogue);
  const file = await readConfigFile(configFile, policyCatalogue, validators);
  const config = resolveProgramConfig('the cluster', file, overrides, policyCatalogue);
  const policyNamespace = file.policyNamespace ?? ownNamespace;
  const targets = { allowLoopback: false, allowLinkLocal: false };
  const backends = {
    ...targets,
    allowUrls: file.allowUrlBackends,
    allowExternalNames: file.allowExternalNames,
    services: file.services,
    crossNamespace: { kind: 'pairs' as const, pairs: file.allowCrossNamespace },
  };
  const settings = { ...config.settings, outbound: targets };
  return {
    config: { ...config, settings, translate: { ...config.translate, backends, policyNamespace } },
    validators,
  };
}
