import { styleText } from 'node:util';
import { countFindings, describeCounts } from './finding-line.ts';
import type { GatewaySummary } from './gateway.ts';
import { formatListenAddress } from './listen-address.ts';
import { VERSION } from './version.ts';

/** What is served, where, and what is wrong with it; for the person at the terminal. */
export function printBanner(summary: GatewaySummary, directory: string): void {
  const { listeners, admin, threads, routes, findings } = summary;
  const counts = countFindings(findings);
  const colour = counts.errors > 0 ? 'red' : counts.warnings > 0 ? 'yellow' : 'green';
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    styleText(format, text, { stream: process.stderr });
  const lines = [
    `${style('bold', `portreeve ${VERSION.version}`)} serves ${plural(routes, 'route')} of ${directory} with ${plural(threads, 'thread')}`,
    ...listeners.map(
      (one) =>
        `  ${one.name.padEnd(8)} ${one.transport.kind === 'tls' ? 'https' : 'http'}://${formatListenAddress(one)}`,
    ),
    `  ${'admin'.padEnd(8)} http://${formatListenAddress(admin)}`,
    `  ${'findings'.padEnd(8)} ${style(colour, describeCounts(counts))}${counts.errors > 0 ? '; portreeve validate lists them' : ''}`,
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
