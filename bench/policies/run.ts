import { parseArgs } from 'node:util';
import type { PolicyCase } from './case.ts';
import { CASES } from './cases.ts';
import { type Effort, measure } from './measure.ts';

const HELP = `npm run bench:policies -- [options]

CPU that each policy adds to a request, alone: a request goes along the policies of a rule and its answer back, and both heads
are written; the same without the policy is subtracted. The time of the thread is read, so other programs on the machine matter
little. Where bodies are read or other threads work it is that of all threads of the program, in a second table.

  --only POLICY      one policy (default: all)
  --rounds N         (default: 15)
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const { only } = values;
const rounds = Number(values.rounds);
const chosen = CASES.filter(({ policy }) => only === undefined || policy === only);
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (!Number.isInteger(rounds) || rounds < 1 || chosen.length === 0) {
  const names = [...new Set(CASES.map(({ policy }) => policy))].filter((name) => name !== '');
  process.stderr.write(`bench: --rounds takes a number from 1, --only one of ${names.join(', ')}\n`);
  process.exit(1);
}
const FAST: Effort = { rounds, warmUp: 60_000, iterations: 20_000 };
const SLOW: Effort = { rounds, warmUp: 2_000, iterations: 1_000 };

async function table(
  cases: readonly PolicyCase[],
  unit: string,
  nsPerUnit: number,
  effort: Effort,
): Promise<void> {
  console.log(`| policy | ${unit} a request | lowest | highest |\n|---|---:|---:|---:|`);
  for (const one of cases) {
    const { median, min, max } = await measure(one, effort);
    const title = one.policy === '' ? one.what : `${one.policy}, ${one.what}`;
    console.log(`| ${[title, ...[median, min, max].map((ns) => (ns / nsPerUnit).toFixed(0))].join(' | ')} |`);
  }
}

await table(
  chosen.filter(({ slow }) => !slow),
  'ns',
  1,
  FAST,
);
console.log('');
await table(
  chosen.filter(({ slow }) => slow),
  'µs',
  1000,
  SLOW,
);
process.exit(0);
