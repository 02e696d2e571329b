import { type Static, Type } from 'typebox';
import { identityPart, keyParts, limitPlace } from '../lib/limit-schema.ts';
import { fields, label, refined } from '../lib/schema.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';
import { compileKey } from '../pipeline/request-key.ts';
import { createSlot } from '../pipeline/slot.ts';
import { REFUSED, sharedPermits } from '../state/limits/permits.ts';

const schema = refined(
  fields(
    {
      name: {
        ...label('Name of the limit, told to clients in `X-RateLimit-Limit-Type`.'),
        default: 'concurrency',
      },
      max: Type.Integer({
        description: 'Requests of one key that may be under way at once, over all threads of a pod.',
        minimum: 1,
        maximum: 1_000_000,
      }),
      key: Type.Optional(keyParts(4)),
      ...limitPlace,
      shadow: Type.Boolean({ description: 'Count and report, but refuse nothing.', default: false }),
    },
    'Limits how many requests are under way at once; without a key those of the whole route or rule.',
  ),
  ({ before, key = [] }) => {
    const part = before === undefined ? null : identityPart(key);
    return part === null ? null : `before authentication nobody is known: its key can't have ${part}`;
  },
);

interface ConcurrencyConfig extends Static<typeof schema> {
  /** Of its permits. */
  readonly id: string;
}

/** What a request holds, by the policy that it holds it of. */
type Held = [owner: symbol, permit: number][];

const heldSlot = createSlot<Held>('concurrencyLimit');

export const concurrencyLimit = definePolicy({
  name: 'concurrencyLimit',
  phase: 'limit',
  phaseOf: ({ before }: ConcurrencyConfig) => (before === undefined ? 'limit' : 'guard'),
  summary: 'Limits how many requests are under way at once; 429.',
  schema,
  resolve: (config, { id }): ConcurrencyConfig => ({ ...config, id }),
  bind({ id, name, max, key, shadow }, env) {
    const permits = sharedPermits(env.limits, env.threadId);
    const owner = Symbol(name);
    const hits = env.rateLimitHits(shadow ? `${name} (shadow)` : name);
    const readKey = compileKey(key ?? [{ constant: '' }]);
    const refusal = problem(429, 'Too many requests are under way.', [['x-ratelimit-limit-type', name]]);
    return {
      onRequest(x) {
        const value = readKey(x);
        if (value === null) return undefined;
        const permit = permits.acquire(id, value, max);
        if (permit === REFUSED) {
          hits.add(1);
          return shadow ? undefined : refusal;
        }
        hold(x, owner, permit);
        return undefined;
      },
      onDone(x) {
        for (const [of, permit] of x.get(heldSlot) ?? []) if (of === owner) permits.release(permit);
      },
    };
  },
});

function hold(x: Exchange, owner: symbol, permit: number): void {
  const held = x.get(heldSlot);
  if (held === undefined) x.set(heldSlot, [[owner, permit]]);
  else held.push([owner, permit]);
}
