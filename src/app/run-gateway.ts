import type { ProgramLog } from '../observe/log.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { countFindings } from './finding-line.ts';
import type { Gateway } from './gateway.ts';
import { untilSignal } from './signals.ts';

/**
 * Runs a gateway that may wait long for its first table, until a signal says to stop.
 * @throws CommandError when it can't begin.
 */
export async function runGateway(start: () => Promise<Gateway>, log: ProgramLog): Promise<ExitCode> {
  let gateway: Gateway | null = null;
  const signalled = untilSignal({
    onHangup: () => gateway?.reopenLogs(),
    onSecond: () => {
      log.error({ event: 'forced' }, 'second signal: ending without finishing running requests');
      process.exit(EXIT.forced);
    },
  });
  process.on('uncaughtException', (error) => {
    log.fatal(error, 'a fault of the program, please report it');
    process.exit(EXIT.internal);
  });
  gateway = await Promise.race([start(), signalled.then(() => null)]);
  if (gateway === null) {
    log.info({ event: 'stopped' }, 'stopped before it served anything');
    process.exit(EXIT.ok);
  }
  announce(gateway, log);
  await signalled;
  log.info({ event: 'draining' }, 'draining: no new connections, running requests are finished');
  const aborted = await gateway.drain();
  log.info(
    { event: 'stopped', aborted },
    aborted === 0 ? 'stopped' : `stopped; ${aborted} requests were cut off`,
  );
  return EXIT.ok;
}

function announce(gateway: Gateway, log: ProgramLog): void {
  const { findings, admin, ...summary } = gateway.summary;
  const fields = { event: 'ready', ...summary, admin, adminPort: admin.port, ...countFindings(findings) };
  log.info(fields, 'ready');
}
