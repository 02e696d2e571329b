import { describeFinding, severityOf } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';
import { describeOrigin } from '../ir/origin.ts';

/** `file:line:column: error: message (what to do)`, the form that editors and CI systems understand. */
export function findingLine(finding: Finding): string {
  const { origin } = finding;
  // Words about a field ("is required") make no sense without its name, and a place alone does not tell it.
  const text = finding.code === 'invalid' && origin.location !== null ? fieldLine(finding) : words(finding);
  return visible(`${describeOrigin(origin)}: ${severityOf(finding)}: ${text}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Names of files and values of fields may hold what breaks a line, paints a terminal or turns text around. */
function visible(line: string): string {
  return line.replace(HIDDEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `spec.rules[0].name: message (what to do)`, for whoever knows which object is meant. */
export function fieldLine(finding: Finding): string {
  const { fieldPath } = finding.origin;
  return visible(fieldPath === '' ? words(finding) : `${fieldPath}: ${words(finding)}`);
}

function words(finding: Finding): string {
  const { message, advice } = describeFinding(finding);
  return advice === '' ? message : `${message} (${advice})`;
}

export interface FindingCounts {
  readonly errors: number;
  readonly warnings: number;
}

export function countFindings(findings: readonly Finding[]): FindingCounts {
  const errors = findings.filter((finding) => severityOf(finding) === 'error').length;
  const warnings = findings.filter((finding) => severityOf(finding) === 'warning').length;
  return { errors, warnings };
}

/** `2 errors, 1 warning`; `no findings`. */
export function describeCounts({ errors, warnings }: FindingCounts): string {
  const parts = [
    [errors, 'error'],
    [warnings, 'warning'],
  ].filter(([count]) => count !== 0);
  if (parts.length === 0) return 'no findings';
  return parts.map(([count, word]) => `${count} ${word}${count === 1 ? '' : 's'}`).join(', ');
}
