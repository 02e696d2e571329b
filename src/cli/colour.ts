import { styleText } from 'node:util';
import { severityOf } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';

type Format = Parameters<typeof styleText>[0];

const COLOURS: Readonly<Record<ReturnType<typeof severityOf>, Format>> = {
  error: 'red',
  warning: 'yellow',
  info: 'cyan',
};

/** The line of a finding with its severity in colour, where standard error is a terminal that takes it. */
export function colourOf(finding: Finding, line: string): string {
  const severity = severityOf(finding);
  const coloured = styleText(COLOURS[severity], severity, { stream: process.stderr });
  return line.replace(`: ${severity}: `, `: ${coloured}: `);
}

/** Text in a style, where standard output is a terminal that takes it. */
export function styled(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}
