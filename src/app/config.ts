import { availableParallelism } from 'node:os';
import type { GatewaySettings } from '../ir/settings.ts';
import { parseDuration } from '../lib/duration.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import type { TranslateOptions } from '../translate/options.ts';
import type { FileConfig } from './config-file.ts';
import type { ListenAddress } from './listen-address.ts';

/** What the command line and the environment may say; they go before the file. */
export interface Overrides {
  readonly listen?: ListenAddress;
  readonly admin?: ListenAddress;
  readonly threads?: number;
  readonly watch?: boolean;
  /** A duration such as `5s`. */
  readonly drainDelay?: string;
  /** Where this replica runs. Empty: unknown, as the downward API says it. */
  readonly node?: string;
  readonly zone?: string;
}

/** Everything that the program was told, from all places, once and for good. */
export interface Config {
  readonly directory: string;
  /** null: there was none. */
  readonly configFile: string | null;
  readonly settings: GatewaySettings;
  readonly admin: ListenAddress;
  readonly threads: number;
  /** Read files again when they change. */
  readonly watch: boolean;
  /** From the moment at which readiness goes until listeners close. */
  readonly drainDelayMs: number;
  readonly translate: TranslateOptions;
}

const PLAIN = { kind: 'plain' } as const;

/** One frozen configuration out of file, environment and flags. */
export function resolveProgramConfig(
  directory: string,
  file: FileConfig,
  overrides: Overrides,
  catalogue: PolicyCatalogue,
): Config {
  const { listen } = overrides;
  // Whoever may write the folder may run programs here: what a cluster forbids is theirs to choose.
  const targets = { allowLoopback: true, allowLinkLocal: false };
  const listeners =
    listen === undefined ? file.settings.listeners : [{ name: 'http', ...listen, transport: PLAIN }];
  const place = Object.freeze({ node: overrides.node || null, zone: overrides.zone || null });
  return Object.freeze({
    directory,
    configFile: file.file,
    settings: Object.freeze({ ...file.settings, listeners, outbound: targets, place }),
    admin: overrides.admin ?? file.admin,
    // Follows the cgroup's CPU quota and the CPU mask.
    threads: overrides.threads ?? file.threads ?? Math.max(1, availableParallelism()),
    watch: overrides.watch ?? true,
    drainDelayMs: parseDuration(overrides.drainDelay ?? '0s'),
    translate: Object.freeze({
      listeners: listeners.map((listener) => listener.name),
      catalogue,
      globalPolicies: file.policies,
      policyNamespace: file.policyNamespace ?? 'default',
      certificates: listen === undefined ? file.certificates : [],
      backends: {
        ...targets,
        allowUrls: true,
        allowExternalNames: file.allowExternalNames,
        services: file.services,
        crossNamespace: { kind: 'any' as const },
      },
    }),
  });
}
