/**
 * Repeats what failed in vitest's JSON reports, sums their counts and prints `N passed, N failed` on a line of its own.
 *
 * Usage: node scripts/test-summary.ts REPORT.json...
 * Exit code 1 when a test or a test file failed, a report is missing, or nothing passed.
 */
import { readFileSync } from 'node:fs';
import {
  addCounts,
  countReport,
  formatCounts,
  listFailures,
  NO_TESTS,
  type VitestReport,
} from './test-counts.ts';

let total = NO_TESTS;
let unreadable = false;
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
    for (const failure of listFailures(report)) console.log(failure);
    total = addCounts(total, countReport(report));
  } catch (error) {
    unreadable = true;
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(formatCounts(total));
process.exitCode = unreadable || total.failed > 0 || total.passed === 0 ? 1 : 0;
