import type { Exchange } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import type { ClusterVerdict } from './cluster.ts';
import { placeProblem, resolve, schema } from './config.ts';
import { type Asked, bindCounting, type Counting } from './counting.ts';
import { keepOpen, settle } from './settle.ts';
import { bindTiers } from './tiers.ts';
import { judge, remember, tell } from './verdict.ts';

const UNCOUNTABLE = problem(503, 'Requests cannot be counted at the moment.');

export const rateLimit = definePolicy({
  name: 'rateLimit',
  phase: 'limit',
  phaseOf: ({ before }) => (before === undefined ? 'limit' : 'guard'),
  summary: 'Limits how many requests a client may send; 429 with a true Retry-After.',
  schema,
  resolve,
  bind(config, env) {
    const tells = config.headers === 'standard';
    const misplaced = placeProblem(config);
    if (misplaced !== null) throw new Error(misplaced);
    const own = bindCounting(config, env);
    const tierOf = config.before === undefined ? bindTiers(env) : (_: Exchange) => own;
    const decide = (x: Exchange, counting: Counting, asked: readonly Asked[], verdict: ClusterVerdict) => {
      if (verdict === 'refuse') return UNCOUNTABLE;
      if (verdict === 'admit') return undefined;
      if (tells) remember(x, asked, verdict);
      if (counting.settles && verdict.admitted) keepOpen(x, counting, asked);
      return judge(asked, verdict);
    };
    return {
      onRequest(x) {
        const counting = tierOf(x, own);
        if (counting === null) return undefined;
        const asked = counting.ask(x);
        if (asked.length === 0) return undefined;
        const verdict = counting.take(asked);
        if (verdict instanceof Promise) return verdict.then((said) => decide(x, counting, asked, said));
        return decide(x, counting, asked, verdict);
      },
      onResponse(x) {
        settle(x);
        if (tells) tell(x);
      },
    };
  },
});
