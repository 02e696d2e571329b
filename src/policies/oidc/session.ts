import { randomBytes } from 'node:crypto';
import type { Tokens } from '../../outbound/openid.ts';
import type { Seal } from './seal.ts';

/** Somebody who has logged in, as the browser keeps it for us, sealed. Times in Unix seconds. */
export interface Session {
  /** Stays the same as long as it lasts. */
  readonly id: string;
  /** Grows with each refresh: of two states of a session the one with the larger number counts. */
  readonly version: number;
  readonly startedAt: number;
  /** When it was last seen, or a little before: it is not written anew with every request. */
  readonly seenAt: number;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly accessToken: string | null;
  readonly accessUntil: number | null;
  /** A little before that; null: tokens have no end. */
  readonly refreshAt: number | null;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
}

/** What of the provider's tokens is kept: what is not used only makes the cookie large. */
export interface Keeping {
  readonly accessToken: boolean;
  readonly idToken: boolean;
}

export interface Lifetime {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** So much before its end an access token is refreshed: the backend must have time to use it. */
const REFRESH_EARLY_SECONDS = 10;

/** Claims that are about the token, not about who it is of. */
const ABOUT_THE_TOKEN = new Set([
  'at_hash',
  'aud',
  'azp',
  'c_hash',
  'exp',
  'iat',
  'nbf',
  'nonce',
  'rt_hash',
  's_hash',
]);

function keptClaims(claims: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !ABOUT_THE_TOKEN.has(name)));
}

export function startSession(
  tokens: Tokens,
  claims: Readonly<Record<string, unknown>>,
  keeping: Keeping,
  nowSeconds: number,
): Session {
  return {
    id: randomBytes(16).toString('base64url'),
    version: 0,
    startedAt: nowSeconds,
    seenAt: nowSeconds,
    claims: keptClaims(claims),
    ...keptTokens(tokens, keeping, nowSeconds),
    refreshToken: tokens.refreshToken,
    idToken: keeping.idToken ? tokens.idToken : null,
  };
}

/** A provider may leave out what has not changed (RFC 6749 section 6, OpenID Connect Core section 12.2). */
export function refreshedSession(
  session: Session,
  tokens: Tokens,
  keeping: Keeping,
  nowSeconds: number,
): Session {
  return {
    ...session,
    version: session.version + 1,
    seenAt: nowSeconds,
    claims: tokens.claims === null ? session.claims : { ...session.claims, ...keptClaims(tokens.claims) },
    ...keptTokens(tokens, keeping, nowSeconds),
    refreshToken: tokens.refreshToken ?? session.refreshToken,
    idToken: keeping.idToken ? (tokens.idToken ?? session.idToken) : null,
  };
}

function keptTokens({ accessToken, accessUntilMs }: Tokens, keeping: Keeping, nowSeconds: number) {
  const accessUntil = accessUntilMs === null ? null : Math.floor(accessUntilMs / 1000);
  return {
    accessToken: keeping.accessToken ? accessToken : null,
    accessUntil,
    refreshAt:
      accessUntil === null
        ? null
        : accessUntil - Math.min(REFRESH_EARLY_SECONDS, (accessUntil - nowSeconds) / 4),
  };
}

export function isOver({ startedAt, seenAt }: Session, lifetime: Lifetime, nowSeconds: number): boolean {
  return nowSeconds >= startedAt + lifetime.absoluteSeconds || nowSeconds >= seenAt + lifetime.idleSeconds;
}

/** How long the browser is to keep it. */
export function secondsLeft({ startedAt, seenAt }: Session, lifetime: Lifetime, nowSeconds: number): number {
  return Math.max(
    0,
    Math.min(startedAt + lifetime.absoluteSeconds, seenAt + lifetime.idleSeconds) - nowSeconds,
  );
}

/** It is written anew when a twentieth of the idle time has passed: so much earlier it may end than it should. */
export function shouldTouch({ seenAt }: Session, { idleSeconds }: Lifetime, nowSeconds: number): boolean {
  return nowSeconds - seenAt >= Math.max(1, idleSeconds / 20);
}

export function sealSession(session: Session, seal: Seal, purpose: string): string {
  return seal.seal(JSON.stringify(session), purpose);
}

/** Null when it is none of ours. What we sealed has the shape that we gave it. */
export function openSession(sealed: string, seal: Seal, purpose: string): Session | null {
  const text = seal.open(sealed, purpose);
  return text === null ? null : (JSON.parse(text) as Session);
}
