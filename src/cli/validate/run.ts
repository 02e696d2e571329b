import { EXIT, type ExitCode } from '../../app/exit-code.ts';
import { countFindings, describeCounts, findingLine } from '../../app/finding-line.ts';
import { loadOffline } from '../../app/offline.ts';
import { describeFinding, severityOf } from '../../ir/describe.ts';
import type { Finding } from '../../ir/finding.ts';
import { type Origin, objectKey } from '../../ir/origin.ts';
import { colourOf } from '../colour.ts';
import type { ValidateOptions } from '../validate.ts';

/** Prints all findings: text on standard error, JSON on standard output. */
export async function validate(directory: string, options: ValidateOptions): Promise<ExitCode> {
  const { translator, findings } = await loadOffline(directory, options.configFile ?? null);
  const counts = countFindings(findings);
  const routes = translator.ir.routes.length;
  const sorted = findings.toSorted(comparePlaces);
  if (options.output === 'json') {
    const summary = { routes, ...counts };
    process.stdout.write(`${JSON.stringify({ findings: sorted.map(findingView), summary }, null, 2)}\n`);
  } else {
    for (const finding of sorted) process.stderr.write(`${colourOf(finding, findingLine(finding))}\n`);
    process.stdout.write(
      `${directory}: ${routes} ${routes === 1 ? 'route' : 'routes'}, ${describeCounts(counts)}\n`,
    );
  }
  return counts.errors > 0 ? EXIT.invalid : EXIT.ok;
}

/** The stable form of `-o json`; see docs/cli.md. */
function findingView(finding: Finding): object {
  const { origin, code } = finding;
  const { message, advice } = describeFinding(finding);
  return {
    severity: severityOf(finding),
    code,
    message,
    advice,
    object: objectKey(origin.object),
    fieldPath: origin.fieldPath,
    location: origin.location,
  };
}

function comparePlaces(a: Finding, b: Finding): number {
  return compareOrigins(a.origin, b.origin);
}

function compareOrigins(a: Origin, b: Origin): number {
  const [x, y] = [a.location, b.location];
  if (x === null || y === null) return Number(x !== null) - Number(y !== null);
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.line - y.line || x.column - y.column;
}
