import type { Exchange } from './exchange.ts';
import type { PolicyEnv } from './policy.ts';
import { createSlot } from './slot.ts';

/**
 * Why a credential was refused: for logs and metrics, never for the client, who may be told less. A name is never used again for
 * another meaning.
 */
export const REFUSAL_REASONS = [
  'missing',
  'several',
  'malformed',
  'algorithm',
  'unknownKey',
  'unknownUser',
  'password',
  'signature',
  'expired',
  'notYet',
  'issuer',
  'audience',
  'claims',
  'type',
  'inactive',
  'uncovered',
  'body',
  'bodyTooLarge',
  'replayed',
  'twoConsumers',
  'loginFailed',
  'busy',
  'unavailable',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Of a request that was refused: the policy and the reason, such as `jwt expired`. For the access log. */
export const refusalSlot = createSlot<string>('refusal');

/** Counts refusals of one policy, and notes them for the log. */
export class Refusals {
  readonly #env: PolicyEnv;
  readonly #policy: string;
  readonly #known = new Map<RefusalReason, () => string>();

  /** @param reasons those that it may have: their series begin at 0 */
  constructor(env: PolicyEnv, policy: string, reasons: readonly RefusalReason[]) {
    this.#env = env;
    this.#policy = policy;
    for (const reason of reasons) this.#teller(reason);
  }

  tell(x: Exchange, reason: RefusalReason): void {
    x.set(refusalSlot, this.#teller(reason)());
  }

  #teller(reason: RefusalReason): () => string {
    const known = this.#known.get(reason);
    if (known !== undefined) return known;
    const counter = this.#env.authenticationRefusals(this.#policy, reason);
    const text = `${this.#policy} ${reason}`;
    const tell = () => {
      counter.add(1);
      return text;
    };
    this.#known.set(reason, tell);
    return tell;
  }
}
