import { createHash, randomBytes } from 'node:crypto';
import type { RequestFields } from '../../pipeline/exchange.ts';
import type { SharedNonces } from '../../state/limits/nonces.ts';
import { attributes, cookieNames } from './cookies.ts';
import { nowSeconds } from './renewals.ts';
import type { Seal } from './seal.ts';

/** A login that was begun: what the browser keeps, sealed, until it comes back. */
export interface Attempt {
  readonly kind: 'begun';
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Path and query of the page that was asked for. */
  readonly returnTo: string;
  readonly redirectUri: string;
  readonly startedAt: number;
  /** It takes the place of one whose code the provider would not take. */
  readonly again: boolean;
}

/** A login that is over. It is kept for those who come back to it, by a second click or the back button. */
export type FinishedAttempt = Pick<Attempt, 'state' | 'returnTo' | 'redirectUri' | 'startedAt'> & {
  readonly kind: 'finished';
};

export type KeptAttempt = Attempt | FinishedAttempt;

/** People look for their password, and second factors take time. */
const MAX_AGE_SECONDS = 900;
/** As many tabs may be logging in at once; of more, the oldest begin anew. */
const MAX_ATTEMPTS = 4;
/** Who comes back later to a login that is over is led to the start. */
const FINISHED_SECONDS = 300;
const ID_CHARS = 10;
const STATE = /^[A-Za-z0-9_-]{43}$/;

/** Each login has a cookie of its own, so that several tabs don't get in one another's way. */
export class Attempts {
  readonly #prefix: string;
  readonly #attributes: string;
  readonly #seal: Seal;
  readonly #purpose: string;
  readonly #nonces: SharedNonces;

  constructor(name: string, secure: boolean, seal: Seal, purpose: string, nonces: SharedNonces) {
    this.#prefix = `${name}-login-`;
    this.#attributes = attributes(secure);
    this.#seal = seal;
    this.#purpose = purpose;
    this.#nonces = nonces;
  }

  begin(returnTo: string, redirectUri: string, again: boolean): Attempt {
    const [state, nonce, verifier] = [random(), random(), random()];
    const startedAt = nowSeconds();
    return { kind: 'begun', state, nonce, verifier, returnTo, redirectUri, startedAt, again };
  }

  /**
   * Whether its code may go to the provider now: once. A second use is taken for a theft, and may end what the first one got
   * (RFC 6749 section 4.1.2).
   */
  isFirst({ state, startedAt }: Attempt): boolean {
    return (
      this.#nonces.use(this.#purpose, state, (startedAt + MAX_AGE_SECONDS) * 1000, Date.now()) === 'fresh'
    );
  }

  /** Lines of Set-Cookie: the new one, and those that make room for it. */
  keep(attempt: Attempt, request: RequestFields): readonly string[] {
    return [...this.#surplus(request).map((name) => this.#clear(name)), this.#line(attempt, MAX_AGE_SECONDS)];
  }

  /** Lines of Set-Cookie: it has led to a session. */
  finish({ state, returnTo, redirectUri, startedAt }: Attempt): readonly string[] {
    return [this.#line({ kind: 'finished', state, returnTo, redirectUri, startedAt }, FINISHED_SECONDS)];
  }

  /** The login to which the browser comes back with `state`; null when it is not this browser's, or took too long. */
  find(state: string, request: RequestFields): KeptAttempt | null {
    if (!STATE.test(state)) return null;
    const attempt = this.#read(this.#nameOf(state), request);
    return attempt !== null && attempt.state === state && isFresh(attempt) ? attempt : null;
  }

  /** Lines of Set-Cookie that end that login. */
  end(state: string): readonly string[] {
    return [this.#clear(this.#nameOf(state))];
  }

  #line(attempt: KeptAttempt, maxAgeSeconds: number): string {
    const sealed = this.#seal.seal(JSON.stringify(attempt), this.#purpose);
    return `${this.#nameOf(attempt.state)}=${sealed}; Max-Age=${maxAgeSeconds}${this.#attributes}`;
  }

  #nameOf(state: string): string {
    return this.#prefix + state.slice(0, ID_CHARS);
  }

  #clear(name: string): string {
    return `${name}=; Max-Age=0${this.#attributes}`;
  }

  #read(name: string, request: RequestFields): KeptAttempt | null {
    const sealed = request.cookie(name);
    const text = sealed === null ? null : this.#seal.open(sealed, this.#purpose);
    return text === null ? null : (JSON.parse(text) as KeptAttempt);
  }

  /** Those that are of no use any more, and the oldest of what would be too many with one more. */
  #surplus(request: RequestFields): readonly string[] {
    const begun = cookieNames(request, this.#prefix).map((name) => ({
      name,
      attempt: this.#read(name, request),
    }));
    const live = begun.filter(({ attempt }) => attempt !== null && isFresh(attempt));
    live.sort((a, b) => b.attempt!.startedAt - a.attempt!.startedAt);
    const kept = new Set(live.slice(0, MAX_ATTEMPTS - 1).map(({ name }) => name));
    return begun.map(({ name }) => name).filter((name) => !kept.has(name));
  }
}

function isFresh({ startedAt }: KeptAttempt): boolean {
  return nowSeconds() - startedAt < MAX_AGE_SECONDS;
}

/** 256 bits; also what PKCE asks of a verifier (RFC 7636 section 4.1). */
function random(): string {
  return randomBytes(32).toString('base64url');
}

/** RFC 7636 section 4.2, S256. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
