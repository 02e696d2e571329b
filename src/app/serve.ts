import { createProgramLog, type ProgramLog } from '../observe/log.ts';
import { FolderSource } from '../sources/files/folder-source.ts';
import { printBanner } from './banner.ts';
import type { Overrides } from './config.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { sourceFeed } from './feed.ts';
import { countFindings } from './finding-line.ts';
import { Gateway } from './gateway.ts';
import type { GatewayHooks } from './gateway-hooks.ts';
import { loadConfig } from './load-config.ts';
import { untilSignal } from './signals.ts';
import { type StreamRequest, type StreamSettings, streamSettings } from './stream/settings.ts';

export interface ServeRequest extends Overrides, StreamRequest {
  readonly configFile?: string;
  readonly logLevel: Parameters<typeof createProgramLog>[0]['level'];
}

/**
 * Serves a folder until a signal says to stop.
 * @throws CommandError when it can't begin.
 */
export async function serve(directory: string, request: ServeRequest): Promise<ExitCode> {
  const log = createProgramLog({ level: request.logLevel });
  const settings = streamSettings(request);
  const { config, validators } = await loadConfig(directory, request.configFile ?? null, request);
  const source = new FolderSource(directory, validators, { watch: config.watch });
  let gateway: Gateway | null = null;
  // From the start: a signal that comes while it starts is obeyed when it can be, and nothing is cut off.
  const signalled = untilSignal({
    onHangup: () => {
      // Before that, every file is being read anyway.
      if (gateway === null) return;
      log.info({ event: 'rereading' }, 'SIGHUP: reading every file again');
      gateway.reopenLogs();
      void source.rescan();
    },
    onSecond: () => {
      log.error({ event: 'forced' }, 'second signal: ending without finishing running requests');
      process.exit(EXIT.forced);
    },
  });
  process.on('uncaughtException', (error) => {
    log.fatal(error, 'a fault of the program, please report it');
    process.exit(EXIT.internal);
  });
  const hooks = settings === null ? {} : await openStream(settings, log);
  gateway = await Gateway.start(config, sourceFeed(config, source, log, hooks), log, hooks);
  announce(gateway, directory, log);
  await signalled;
  log.info({ event: 'draining' }, 'draining: no new connections, running requests are finished');
  const aborted = await gateway.drain();
  log.info(
    { event: 'stopped', aborted },
    aborted === 0 ? 'stopped' : `stopped; ${aborted} requests were cut off`,
  );
  return EXIT.ok;
}

async function openStream(settings: StreamSettings, log: ProgramLog): Promise<GatewayHooks> {
  const { TableStream } = await import('./stream/table-stream.ts');
  return TableStream.open(settings, null, log);
}

/** One line for programs that wait for it; text for a person who started it. */
function announce(gateway: Gateway, directory: string, log: ProgramLog): void {
  const { findings, admin, ...summary } = gateway.summary;
  if (process.stderr.isTTY) printBanner(gateway.summary, directory);
  else {
    const fields = {
      event: 'ready',
      directory,
      ...summary,
      admin,
      adminPort: admin.port,
      ...countFindings(findings),
    };
    log.info(fields, 'ready');
  }
}
