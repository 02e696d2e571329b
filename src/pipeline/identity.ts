import { createSlot } from './slot.ts';

/** Who sent the request, as far as a policy of the phase `authn` has proved it. */
export interface Identity {
  /** `sub` of a token, name of a basic user; null when there is none. */
  readonly user: string | null;
  /** Name of the Consumer that the credentials belong to. */
  readonly consumer: string | null;
  /** What tells one API key from another: its hash or its Consumer's name, never the key itself. */
  readonly apiKey: string | null;
  /** Claims of the verified token; null when there is none. */
  readonly claims: Readonly<Record<string, unknown>> | null;
}

/** Set by policies that authenticate; everything behind them reads it here and nowhere else. */
export const identitySlot = createSlot<Identity>('identity');
