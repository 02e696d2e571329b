import { type CertificatePair, expiryOf, isServable } from './certificate.ts';

/** The certificates that all replicas share. */
export interface CertificateState {
  /** What is served. */
  readonly current: CertificatePair | null;
  /** What is served next, once API servers had time to learn its authority. */
  readonly next: CertificatePair | null;
  /** The authority of what was served before: a replica may serve it a little longer. */
  readonly previousCa: string | null;
}

export interface RotationRules {
  /** Names under which API servers call; the first is the common name. */
  readonly names: readonly [string, ...string[]];
  /** A certificate is replaced when a third of it is left. */
  readonly lifetimeMs: number;
  /** From the publication of an authority until its certificate is served. */
  readonly settleMs: number;
}

/** What the leader does next. */
export type RotationStep =
  /** There is nothing that can be served: issue a pair and serve it at once. */
  | { readonly kind: 'renew' }
  /** Issue the pair that is served next, and publish its authority. */
  | { readonly kind: 'stage' }
  /** Serve the next pair. */
  | { readonly kind: 'promote' }
  /** The authority of what was served before has expired. */
  | { readonly kind: 'forget' }
  /** Nothing until then; null: until something changes. */
  | { readonly kind: 'wait'; readonly untilMs: number | null };

export const NO_CERTIFICATE: CertificateState = { current: null, next: null, previousCa: null };

/**
 * One round: `current` → a third of its life is left → `next` is staged → API servers trust both authorities →
 * `next` becomes `current` → the old authority stays trusted until it expires. So at no moment is a certificate
 * served that an API server with the published authorities refuses. A long overlap costs nothing: no authority's key
 * is kept.
 *
 * @param trustedSinceMs when the authority of `next` was published; null: it is not yet
 */
export function planRotation(
  { current, next, previousCa }: CertificateState,
  trustedSinceMs: number | null,
  nowMs: number,
  { names, lifetimeMs, settleMs }: RotationRules,
): RotationStep {
  const nextServable = next !== null && isServable(next, names, nowMs);
  if (current === null || !isServable(current, names, nowMs))
    return { kind: nextServable ? 'promote' : 'renew' };
  if (nextServable) {
    if (trustedSinceMs === null) return { kind: 'wait', untilMs: null };
    const untilMs = trustedSinceMs + settleMs;
    return nowMs >= untilMs ? { kind: 'promote' } : { kind: 'wait', untilMs };
  }
  const renewMs = (expiryOf(current.cert) ?? 0) - lifetimeMs / 3;
  if (nowMs >= renewMs || next !== null) return { kind: 'stage' };
  if (previousCa === null) return { kind: 'wait', untilMs: renewMs };
  const forgetMs = expiryOf(previousCa) ?? 0;
  return nowMs >= forgetMs ? { kind: 'forget' } : { kind: 'wait', untilMs: Math.min(renewMs, forgetMs) };
}

/** The state after a step; `issue` makes a pair. */
export async function rotate(
  state: CertificateState,
  step: Exclude<RotationStep, { kind: 'wait' }>,
  issue: () => Promise<CertificatePair>,
): Promise<CertificateState> {
  const previousCa = state.current?.ca ?? state.previousCa;
  switch (step.kind) {
    case 'renew':
      return { current: await issue(), next: null, previousCa };
    case 'stage':
      return { ...state, next: await issue() };
    case 'promote':
      return { current: state.next, next: null, previousCa };
    case 'forget':
      return { ...state, previousCa: null };
  }
}

/** The authorities that API servers have to trust, as one PEM text; the newest last. */
export function trustedAuthorities({ current, next, previousCa }: CertificateState, nowMs: number): string {
  const authorities = [previousCa, current?.ca, next?.ca].filter((one) => one != null);
  return [...new Set(authorities)].filter((one) => (expiryOf(one) ?? 0) > nowMs).join('');
}
