import { LRUCache } from 'lru-cache';
import { Flights } from '../../outbound/flights.ts';
import { type OpenidProvider, ProviderFailure, type Tokens } from '../../outbound/openid.ts';
import type { SharedNonces } from '../../state/limits/nonces.ts';
import { ThreadChannel } from '../../state/thread-channel.ts';
import type { Seal } from './seal.ts';
import { type Keeping, openSession, refreshedSession, type Session, sealSession } from './session.ts';

/**
 *   renewed   it goes on with new tokens;
 *   ended     the provider says that it is over;
 *   away      the provider can't be asked at the moment.
 */
export type Renewal =
  | { readonly kind: 'renewed'; readonly session: Session }
  | { readonly kind: 'ended' }
  | { readonly kind: 'away' };

/** What threads tell one another; the session travels sealed. */
type Told =
  | { readonly kind: 'renewed'; readonly key: string; readonly sealed: string }
  | { readonly kind: 'ended' | 'away'; readonly key: string }
  | { readonly kind: 'loggedOut'; readonly id: string; readonly lastsMs: number };

const ENDED: Renewal = { kind: 'ended' };

/** Requests that were sent with the old cookie come in for so long after a refresh. */
const REMEMBERED_MS = 60_000;
/** After a failure the provider is not asked again for that session for so long. */
const PAUSE_MS = 10_000;
const MAX_REMEMBERED = 10_000;

export interface RenewalOptions {
  /** Whose sessions they are; the same in all threads. */
  readonly id: string;
  readonly provider: OpenidProvider;
  readonly seal: Seal;
  readonly purpose: string;
  readonly keeping: Keeping;
  readonly timeoutMs: number;
  readonly nonces: SharedNonces;
  readonly log: (message: string) => void;
}

/**
 * Trades refresh tokens. A provider may take one only once, and take its second use for a theft, so of all requests of a
 * session, on all threads, one trades it and the others wait for what comes of it.
 */
export class Renewals {
  readonly #options: RenewalOptions;
  readonly #flights = new Flights<Renewal>();
  readonly #known = new LRUCache<string, Renewal>({ max: MAX_REMEMBERED, ttl: REMEMBERED_MS });
  /** Ids of sessions that people have ended: their cookies may still come, from another tab or from a thief. */
  readonly #loggedOut = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #waiting = new Map<string, (renewal: Renewal) => void>();
  readonly #channel: ThreadChannel<Told>;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#channel = new ThreadChannel(`portreeve oidc ${options.id}`, (told) => this.#hear(told));
  }

  /** What became of that state of the session a moment ago: the newest there is. Undefined: nothing. */
  known(session: Session): Renewal | undefined {
    if (this.#loggedOut.has(session.id)) return ENDED;
    let found = this.#known.get(keyOf(session));
    while (found?.kind === 'renewed') {
      const next = this.#known.get(keyOf(found.session));
      if (next === undefined || next.kind === 'away') return found;
      found = next;
    }
    return found;
  }

  renew(session: Session): Promise<Renewal> {
    const key = keyOf(session);
    return this.#flights.share(key, () => this.#renew(key, session));
  }

  /** Its user has logged out: all threads of this program refuse it from now on. */
  end({ id }: Session, lastsMs: number): void {
    this.#loggedOut.set(id, true, { ttl: lastsMs });
    this.#channel.post({ kind: 'loggedOut', id, lastsMs });
  }

  close(): void {
    this.#channel.close();
  }

  async #renew(key: string, session: Session): Promise<Renewal> {
    const { id, nonces, timeoutMs } = this.#options;
    const nowMs = Date.now();
    const turn = nonces.use(`oidc refresh ${id}`, key, nowMs + Math.max(timeoutMs, PAUSE_MS), nowMs);
    if (turn === 'used') return this.#wait(key);
    const renewal = await this.#trade(session);
    this.#remember(key, renewal);
    this.#channel.post(this.#tellable(key, renewal));
    return renewal;
  }

  async #trade(session: Session): Promise<Renewal> {
    const { provider, keeping, log } = this.#options;
    try {
      const tokens = await provider.refresh(session.refreshToken!);
      if (!isSameUser(session, tokens)) return ENDED;
      return { kind: 'renewed', session: refreshedSession(session, tokens, keeping, nowSeconds()) };
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      // `invalid_grant` is how sessions end; anything else somebody has to look at.
      if (error.error === 'invalid_grant') return ENDED;
      log(`tokens can't be refreshed: ${error.message}`);
      return { kind: 'away' };
    }
  }

  /** Another thread trades it. */
  #wait(key: string): Promise<Renewal> {
    const known = this.#known.get(key);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const finish = (renewal: Renewal): void => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(renewal);
      };
      const timer = setTimeout(finish, this.#options.timeoutMs, { kind: 'away' } satisfies Renewal);
      this.#waiting.set(key, finish);
    });
  }

  #hear(told: Told): void {
    if (told.kind === 'loggedOut') {
      this.#loggedOut.set(told.id, true, { ttl: told.lastsMs });
      return;
    }
    const renewal = this.#readable(told);
    this.#remember(told.key, renewal);
    this.#waiting.get(told.key)?.(renewal);
  }

  #remember(key: string, renewal: Renewal): void {
    this.#known.set(key, renewal, { ttl: renewal.kind === 'away' ? PAUSE_MS : REMEMBERED_MS });
  }

  #tellable(key: string, renewal: Renewal): Told {
    const { seal, purpose } = this.#options;
    if (renewal.kind !== 'renewed') return { key, kind: renewal.kind };
    return { key, kind: 'renewed', sealed: sealSession(renewal.session, seal, purpose) };
  }

  #readable(told: Exclude<Told, { readonly kind: 'loggedOut' }>): Renewal {
    if (told.kind !== 'renewed') return { kind: told.kind };
    const { seal, purpose } = this.#options;
    const session = openSession(told.sealed, seal, purpose);
    // Its keys are being changed, and this thread has not the new ones yet.
    return session === null ? { kind: 'away' } : { kind: 'renewed', session };
  }
}

function keyOf({ id, version }: Session): string {
  return `${id} ${version}`;
}

/** OpenID Connect Core section 12.2: whoever it was stays who it is. */
function isSameUser({ claims }: Session, tokens: Tokens): boolean {
  return tokens.claims === null || tokens.claims.sub === claims.sub;
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
