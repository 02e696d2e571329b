import type { Exchange } from '../../pipeline/exchange.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import type { PlacedFault } from './values.ts';

const REFUSAL = problem(502, 'The answer of the backend does not fit its description.');

/** The same is told once in so long. */
const QUIET_MS = 10_000;
const MAX_TOLD = 64;

/** What becomes of an answer with these faults: clients learn nothing of them, operators all but the values. */
export function answerJudge(
  mode: 'refuse' | 'report',
  env: PolicyEnv,
): (x: Exchange, faults: readonly PlacedFault[]) => void {
  const passed = env.shadowOutcomes('validate-answers', 'passed');
  const replied = env.shadowOutcomes('validate-answers', 'replied');
  const told = new Map<string, number>();
  const tell = (x: Exchange, { in: place, pointer, detail }: PlacedFault): void => {
    const what = `${x.request.method} ${x.pattern}: the backend's ${place} ${pointer === '' ? '' : `${pointer} `}${detail}`;
    const nowMs = performance.now();
    if (nowMs - (told.get(what) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(what, nowMs);
    env.log('warn', `${x.routeKey} rule ${x.ruleName}: validate: ${what}`);
  };
  return (x, faults) => {
    const [first] = faults;
    if (first !== undefined) tell(x, first);
    if (mode === 'report') (first === undefined ? passed : replied).add(1);
    else if (first !== undefined) x.response.replace(REFUSAL);
  };
}
