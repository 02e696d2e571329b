import { Command, Option } from 'commander';
import type { ListenAddress } from '../app/listen-address.ts';
import type { StreamRequest } from '../app/stream/settings.ts';
import { LOG_LEVELS } from '../observe/log.ts';
import type { Done } from './command.ts';
import { configFileOption, toCount, toDuration, toListenAddress } from './options.ts';
import { streamOptions } from './stream-options.ts';

export interface ServeOptions extends StreamRequest {
  readonly listen?: ListenAddress;
  readonly admin?: ListenAddress;
  readonly threads?: number;
  readonly configFile?: string;
  readonly watch: boolean;
  readonly drainDelay?: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

const MAX_THREADS = 256;

const EXAMPLES = `
Examples:
  portreeve serve ./gateway.d
  portreeve serve ./gateway.d --listen 127.0.0.1:8080 --threads 2
  PORTREEVE_LISTEN=[::]:80 portreeve serve /etc/portreeve/gateway.d --drain-delay 5s

The access log goes to standard output, everything else to standard error.
SIGTERM or SIGINT drains: no new connections, running requests are finished. A second one ends at once.
SIGHUP reads every file again.`;

export function serveCommand(done: Done): Command {
  const command = new Command('serve');
  for (const option of streamOptions()) command.addOption(option);
  return command
    .description('Serve the resources of a folder. Files are read again when they change.')
    .argument('<dir>', 'folder of YAML files, with its sub-folders')
    .addOption(
      new Option('--listen <address:port>', 'where clients connect, in place of the configured listeners')
        .env('PORTREEVE_LISTEN')
        .argParser(toListenAddress),
    )
    .addOption(
      new Option('--admin <address:port>', 'where health, metrics and the served configuration are')
        .env('PORTREEVE_ADMIN')
        .argParser(toListenAddress),
    )
    .addOption(
      new Option('--threads <n>', 'data-plane threads (default: one per available core)')
        .env('PORTREEVE_THREADS')
        .argParser(toCount(MAX_THREADS)),
    )
    .addOption(configFileOption())
    .addOption(new Option('--no-watch', 'do not read files again when they change').env('PORTREEVE_NO_WATCH'))
    .addOption(
      new Option('--drain-delay <duration>', 'wait so long between not being ready and closing the listeners')
        .env('PORTREEVE_DRAIN_DELAY')
        .argParser(toDuration),
    )
    .addOption(
      new Option('--log-level <level>', "of the program's own log")
        .choices(LOG_LEVELS)
        .default('info')
        .env('PORTREEVE_LOG_LEVEL'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string, options: ServeOptions) => {
      const { serve } = await import('../app/serve.ts');
      done(await serve(directory, options));
    });
}
