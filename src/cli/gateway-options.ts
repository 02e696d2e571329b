import { Option } from 'commander';
import { LOG_LEVELS } from '../observe/log.ts';
import { toCount, toDuration, toListenAddress } from './options.ts';

const MAX_THREADS = 256;

/** Of every command that serves, wherever its tables come from. */
export function gatewayOptions(): readonly Option[] {
  return [
    new Option('--listen <address:port>', 'where clients connect, in place of the configured listeners')
      .env('PORTREEVE_LISTEN')
      .argParser(toListenAddress),
    new Option('--admin <address:port>', 'where health, metrics and the served configuration are')
      .env('PORTREEVE_ADMIN')
      .argParser(toListenAddress),
    new Option('--threads <n>', 'data-plane threads (default: one per available core)')
      .env('PORTREEVE_THREADS')
      .argParser(toCount(MAX_THREADS)),
    new Option('--config-file <file>', "the program's own configuration").env('PORTREEVE_CONFIG_FILE'),
    new Option('--drain-delay <duration>', 'wait so long between not being ready and closing the listeners')
      .env('PORTREEVE_DRAIN_DELAY')
      .argParser(toDuration),
    new Option('--zone <name>', 'where this replica runs: endpoints with hints for it are preferred').env(
      'PORTREEVE_ZONE',
    ),
    new Option('--node <name>', 'the same, and before the zone').env('NODE_NAME'),
    new Option('--log-level <level>', "of the program's own log")
      .choices(LOG_LEVELS)
      .default('info')
      .env('PORTREEVE_LOG_LEVEL'),
  ];
}
