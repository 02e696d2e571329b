/**
 * Nanoseconds of CPU that each policy adds to a request, alone: `npm run bench:policies [rounds]`. A request goes along the
 * policies of a rule and its answer back, and both heads are written; the same without a policy is subtracted. The
 * thread's own time is read, so other programs on the machine matter little.
 */
import type { CompiledRule } from '../../src/compile/table.ts';
import { bindPolicies } from '../../src/policies/testing.ts';
import { type Spread, spread } from '../lib/stats.ts';
import { ANSWER, CASES, type PolicyCase } from './cases.ts';
import { Walk } from './walk.ts';

const ROUNDS = Number(process.argv[2] ?? 15);
const WARM_UP = 60_000;
const ITERATIONS = 20_000;

async function run(walk: Walk, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const waits = walk.once();
    if (waits !== undefined) await waits;
  }
}

async function timeNs(walk: Walk): Promise<number> {
  const before = process.threadCpuUsage();
  await run(walk, ITERATIONS);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / ITERATIONS;
}

/** Rounds with and without alternate, so that what the machine does falls on both. */
async function measure({ entries, sent }: PolicyCase): Promise<Spread> {
  const rule = bindPolicies(...entries);
  const walk = new Walk(rule, sent, ANSWER);
  const bare = new Walk(bindPolicies(), sent, ANSWER);
  await run(walk, WARM_UP);
  await run(bare, WARM_UP);
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) costs.push((await timeNs(walk)) - (await timeNs(bare)));
  close(rule);
  return spread(costs);
}

function close(rule: CompiledRule<string>): void {
  for (const { policy } of rule.steps) policy.close?.();
}

console.log('| policy | ns a request | lowest | highest |\n|---|---:|---:|---:|');
for (const one of CASES) {
  const { median, min, max } = await measure(one);
  console.log(`| ${[one.title, ...[median, min, max].map((ns) => ns.toFixed(0))].join(' | ')} |`);
}
process.exit(0);
