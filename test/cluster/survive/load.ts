import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Cluster, waitUntil } from '../index.ts';
import type { LoadCounts, LoadPlan } from './load-generator.ts';

const script = fileURLToPath(new URL('./load-generator.ts', import.meta.url));
const LIMIT_MS = 900_000;

/** Requests that run beside a test, half of them on connections of their own. */
export interface Load {
  /** The last that was told. */
  counts(): LoadCounts;
  /** Resolves once so many more answers with this status have come. */
  more(answers: number, status?: number): Promise<void>;
  /** Stops sending, waits for what is under way, and returns all of it. */
  stop(): Promise<LoadCounts>;
}

export interface LoadOptions extends Pick<LoadPlan, 'url' | 'ratePerSecond'> {
  readonly host: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Resolves once requests are answered. */
export async function startLoad(cluster: Cluster, options: LoadOptions): Promise<Load> {
  const { url, ratePerSecond, host, headers } = options;
  const plan: LoadPlan = { url, ratePerSecond, headers: { host, ...headers }, limitMs: LIMIT_MS };
  const child = cluster.spawn(process.execPath, [script, JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let last: LoadCounts = { sent: 0, statuses: {}, failures: {}, pods: {}, certificates: {} };
  createInterface({ input: child.stdout! }).on('line', (line) => {
    last = JSON.parse(line) as LoadCounts;
  });
  const load: Load = {
    counts: () => last,
    async more(answers, status = 200) {
      const wanted = (last.statuses[status] ?? 0) + answers;
      await waitUntil(() => (last.statuses[status] ?? 0) >= wanted, {
        what: `${answers} answers with ${status}; there are ${JSON.stringify(last)}`,
      });
    },
    async stop() {
      child.stdin!.end();
      await closed;
      return last;
    },
  };
  await load.more(1).catch(async (error: unknown) => {
    throw new Error(`no traffic: ${JSON.stringify(await load.stop())}`, { cause: error });
  });
  return load;
}

/** Fails with all counts unless every request got a whole answer with one of the statuses. */
export function expectNoFailure(counts: LoadCounts, statuses: readonly number[] = [200]): void {
  const answered = Object.values(counts.statuses).reduce((sum, one) => sum + one, 0);
  const strange = Object.keys(counts.statuses).filter((status) => !statuses.includes(Number(status)));
  expect(
    { failures: counts.failures, strange, lost: counts.sent - answered },
    JSON.stringify(counts),
  ).toEqual({
    failures: {},
    strange: [],
    lost: 0,
  });
}
