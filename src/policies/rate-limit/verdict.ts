import type { Exchange } from '../../pipeline/exchange.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { createSlot } from '../../pipeline/slot.ts';
import type { Outcome, Verdict } from '../../state/limits/store.ts';
import type { Asked } from './counting.ts';
import type { Limiter } from './limiter.ts';

/** Headers for the answer, from every rate limit of the rule. */
const headersSlot = createSlot<{ policies: string; states: string }>('rateLimit');

/** Counts what was refused, each limit once, and answers for the first of them. */
export function judge(asked: readonly Asked[], { admitted, outcomes }: Verdict): Reply | undefined {
  let told: Limiter | null = null;
  let counted: Limiter | null = null;
  let waitMs = 0;
  for (let i = 0; i < asked.length; i++) {
    const { limiter } = asked[i]!;
    const outcome = outcomes[i]!;
    if (outcome.allowed) continue;
    // Once refused, what comes after has not been asked in earnest: only what refuses the request is counted.
    if (limiter !== counted && (limiter.shadow || told === null)) limiter.hits.add(1);
    counted = limiter;
    if (limiter.shadow) continue;
    told ??= limiter;
    waitMs = Math.max(waitMs, outcome.waitMs);
  }
  return admitted || told === null ? undefined : refusal(told.name, waitMs);
}

/** Who waits until every limit that refused admits it gets in. */
function refusal(name: string, waitMs: number): Reply {
  const type = ['x-ratelimit-limit-type', name] as const;
  if (waitMs === Number.POSITIVE_INFINITY)
    return problem(429, 'This request costs more than the limit ever has.', [type]);
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return problem(429, `Too many requests. Try again in ${seconds} s.`, [
    ['retry-after', String(seconds)],
    type,
  ]);
}

/** Keeps what {@link tell} will say. */
export function remember(x: Exchange, asked: readonly Asked[], { outcomes }: Verdict): void {
  let said = x.get(headersSlot);
  for (let i = 0; i < asked.length; i++) {
    const one = asked[i]!;
    // A client must not heed what does not bind it.
    if (one.limiter.shadow) continue;
    const { policy } = one.place;
    const state = stateItem(one, outcomes[i]!);
    said =
      said === undefined
        ? { policies: policy, states: state }
        : { policies: `${said.policies}, ${policy}`, states: `${said.states}, ${state}` };
  }
  if (said !== undefined) x.set(headersSlot, said);
}

function stateItem({ place, share }: Asked, { remaining, resetMs }: Outcome): string {
  return `${place.item};r=${Math.floor(remaining / share)};t=${Math.ceil(resetMs / 1000)}`;
}

/** In place of the backend's own, for those are about other limits; with two policies the last one writes all. */
export function tell(x: Exchange): void {
  const said = x.get(headersSlot);
  if (said === undefined) return;
  x.response.setHeader('ratelimit-policy', said.policies);
  x.response.setHeader('ratelimit', said.states);
}
