import type { CompiledRule } from '../../src/compile/table.ts';
import { bindPolicies, bindPoliciesWith, exchange } from '../../src/policies/testing.ts';
import { type Spread, spread } from '../lib/stats.ts';
import { ANSWER, type PolicyCase, type Prepared } from './case.ts';
import { Walk } from './walk.ts';

/** How often a case is run. */
export interface Effort {
  readonly rounds: number;
  readonly warmUp: number;
  readonly iterations: number;
}

type Once = () => void | Promise<void>;

/** Nanoseconds that the policy adds to a request. Rounds with and without alternate, so that what the machine does falls on both. */
export async function measure(one: PolicyCase, { rounds, warmUp, iterations }: Effort): Promise<Spread> {
  const prepared = await one.prepare();
  const { entries, beside = [], surroundings = {} } = prepared;
  const rule = bindPoliciesWith(surroundings, ...entries);
  const bare = bindPolicies(...beside);
  try {
    const [with_, without] = one.slow ? wholes(rule, bare, prepared) : await walks(rule, bare, prepared);
    const timeNs = one.slow ? processNs : threadNs;
    await repeat(with_, warmUp);
    await repeat(without, warmUp);
    const costs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const more = await timeNs(() => repeat(with_, iterations));
      costs.push((more - (await timeNs(() => repeat(without, iterations)))) / iterations);
    }
    return spread(costs);
  } finally {
    for (const { policy } of [...rule.steps, ...bare.steps]) policy.close?.();
    await prepared.close?.();
  }
}

/** Heads alone, written as the data plane does. */
async function walks(
  rule: CompiledRule<string>,
  bare: CompiledRule<string>,
  { sent, answer = ANSWER, replies = false }: Prepared,
): Promise<readonly [Once, Once]> {
  // What is kept has to come first.
  if (replies) await exchange(rule, sent, answer);
  const walk = new Walk(rule, sent, answer, replies);
  const without = new Walk(bare, sent, answer);
  return [() => walk.once(), () => without.once()];
}

/** With the bodies. */
function wholes(
  rule: CompiledRule<string>,
  bare: CompiledRule<string>,
  { sent, answer = ANSWER }: Prepared,
): readonly [Once, Once] {
  const through = (to: CompiledRule<string>) => async () => {
    const { status } = await exchange(to, sent, answer);
    if (status !== 200) throw new Error(`the answer is ${status}: its case measures nothing`);
  };
  return [through(rule), through(bare)];
}

async function repeat(once: Once, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const waits = once();
    if (waits !== undefined) await waits;
  }
}

/** CPU of this thread, so that nobody else's work matters. */
async function threadNs(work: () => Promise<void>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) * 1000;
}

/** CPU of all threads, for those that work for a policy. */
async function processNs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}
