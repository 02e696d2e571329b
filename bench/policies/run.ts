/**
 * CPU that each policy adds to a request, alone: `npm run bench:policies [rounds]`. A request goes along the policies of a
 * rule and its answer back, and both heads are written; the same without the policy is subtracted. The time of the thread is read, so
 * other programs on the machine matter little; where bodies are read or other threads work, that of all threads of the program.
 */
import { CASES } from './cases.ts';
import { type Effort, measure } from './measure.ts';

const rounds = Number(process.argv[2] ?? 15);
const FAST: Effort = { rounds, warmUp: 60_000, iterations: 20_000 };
const SLOW: Effort = { rounds, warmUp: 2_000, iterations: 1_000 };

console.log('| policy | ns a request | lowest | highest |\n|---|---:|---:|---:|');
for (const one of CASES) {
  const { median, min, max } = await measure(one, one.slow ? SLOW : FAST);
  const title = one.policy === '' ? one.what : `${one.policy}, ${one.what}`;
  console.log(`| ${[title, ...[median, min, max].map((ns) => ns.toFixed(0))].join(' | ')} |`);
}
process.exit(0);
