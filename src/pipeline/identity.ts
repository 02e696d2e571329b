import { createSlot } from './slot.ts';

/** Who sent the request, as far as policies of the phase `authn` have proved it. */
export interface Identity {
  /** `sub` of a token, name of a basic user; null when there is none. */
  readonly user: string | null;
  /** Name of the Consumer that the credentials belong to. */
  readonly consumer: string | null;
  /** That Consumer among all: `Consumer/namespace/name`. */
  readonly consumerKey: string | null;
  /** What tells one API key from another: its hash or its Consumer's name, never the key itself. */
  readonly apiKey: string | null;
  /** Claims of the verified token; null when there is none. */
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  /** How it was proved: names of the policies that did, such as `jwt`. Empty: nobody has proved anything. */
  readonly schemes: readonly string[];
}

const NONE: readonly string[] = [];

/** Nobody: what a request is that was let through without credentials. */
export const ANONYMOUS: Identity = {
  user: null,
  consumer: null,
  consumerKey: null,
  apiKey: null,
  claims: null,
  groups: NONE,
  roles: NONE,
  permissions: NONE,
  schemes: NONE,
};

/** An identity of what is known; the rest is empty. */
export function identityOf(known: Partial<Identity>): Identity {
  return { ...ANONYMOUS, ...known };
}

/** Nobody has proved anything, or nothing was asked for. */
export function isAnonymous(identity: Identity | undefined): boolean {
  return identity === undefined || identity.schemes.length === 0;
}

/**
 * Two proofs of one request. What the earlier one says of user, API key and a claim stays, the later one fills in what is
 * missing; groups, roles, permissions and schemes add up.
 * @returns null when they belong to two Consumers: nobody is both
 */
export function mergeIdentities(earlier: Identity, later: Identity): Identity | null {
  if (earlier.schemes.length === 0) return later;
  const two = earlier.consumerKey !== null && later.consumerKey !== null;
  if (two && earlier.consumerKey !== later.consumerKey) return null;
  return {
    user: earlier.user ?? later.user,
    consumer: earlier.consumer ?? later.consumer,
    consumerKey: earlier.consumerKey ?? later.consumerKey,
    apiKey: earlier.apiKey ?? later.apiKey,
    claims: earlier.claims === null ? later.claims : { ...later.claims, ...earlier.claims },
    groups: union(earlier.groups, later.groups),
    roles: union(earlier.roles, later.roles),
    permissions: union(earlier.permissions, later.permissions),
    schemes: union(earlier.schemes, later.schemes),
  };
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0) return a;
  return a.length === 0 ? b : [...new Set([...a, ...b])];
}

/** Set by policies that authenticate; everything behind them reads it here and nowhere else. */
export const identitySlot = createSlot<Identity>('identity');

/**
 * What a service of the operator told the backend of who sent the request, where nobody was authenticated here. Answers to
 * requests that differ in it are kept apart.
 */
export const toldSlot = createSlot<string>('told');
