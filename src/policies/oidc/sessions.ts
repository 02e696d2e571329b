import { LRUCache } from 'lru-cache';
import { claimReader, textsReader } from '../../lib/claim-text.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { type Identity, identityOf } from '../../pipeline/identity.ts';
import type { OidcConfig } from './config.ts';
import { ChunkedCookie } from './cookies.ts';
import { nowSeconds } from './renewals.ts';
import type { Seal } from './seal.ts';
import { isOver, openSession, type Session, sealSession, secondsLeft } from './session.ts';

/** A session, and what is worked out of it once. */
export interface KnownSession {
  readonly session: Session;
  readonly identity: Identity;
}

/** Characters of the cookies whose sessions are remembered: to look one up is cheaper than to decrypt it. */
const MAX_REMEMBERED_CHARS = 8 * 1024 * 1024;
const REMEMBERED_MS = 300_000;

/** The sessions of one policy, in the cookies of browsers. */
export class Sessions {
  readonly #cookie: ChunkedCookie;
  readonly #seal: Seal;
  readonly #purpose: string;
  readonly #config: OidcConfig;
  readonly #identityOf: (session: Session) => Identity;
  readonly #remembered = new LRUCache<string, KnownSession>({
    maxSize: MAX_REMEMBERED_CHARS,
    sizeCalculation: (_, sealed) => sealed.length,
    ttl: REMEMBERED_MS,
  });

  constructor(cookieName: string, seal: Seal, purpose: string, config: OidcConfig) {
    this.#cookie = new ChunkedCookie(cookieName, !config.httpBrowsers);
    this.#seal = seal;
    this.#purpose = purpose;
    this.#config = config;
    this.#identityOf = identityReader(config);
  }

  /**
   * Of the request's cookies. `none`: there are none; `bad`: they are not ours, were changed, or it is over.
   */
  read({ request }: Exchange): KnownSession | 'none' | 'bad' {
    const sealed = this.#cookie.read(request);
    if (sealed === null) return request.cookie(this.#cookie.name) === null ? 'none' : 'bad';
    const known = this.#remembered.get(sealed) ?? this.#open(sealed);
    return known === null || isOver(known.session, this.#config.lifetime, nowSeconds()) ? 'bad' : known;
  }

  /** Names of the cookies of which it is made, as the request has them: to be asked before they are taken out of it. */
  held({ request }: Exchange): readonly string[] {
    return this.#cookie.held(request);
  }

  /** Lines of Set-Cookie; null: it is too large. */
  write(session: Session, held: readonly string[]): readonly string[] | null {
    const whole = this.#lines(session, held);
    if (whole !== null || session.idToken === null || this.#config.idTokenHeader !== null) return whole;
    // It only tells the provider, at logout, whose session ends: the provider then asks.
    return this.#lines({ ...session, idToken: null }, held);
  }

  #lines(session: Session, held: readonly string[]): readonly string[] | null {
    const sealed = sealSession(session, this.#seal, this.#purpose);
    return this.#cookie.write(sealed, secondsLeft(session, this.#config.lifetime, nowSeconds()), held);
  }

  /** Lines of Set-Cookie that end it in this browser. */
  clear(held: readonly string[]): readonly string[] {
    return this.#cookie.clear(held);
  }

  know(session: Session): KnownSession {
    return { session, identity: this.#identityOf(session) };
  }

  #open(sealed: string): KnownSession | null {
    const session = openSession(sealed, this.#seal, this.#purpose);
    if (session === null) return null;
    const known = this.know(session);
    this.#remembered.set(sealed, known);
    return known;
  }
}

/** For the operator: what takes the room. Lengths only. */
export function tooLargeReason({ claims, accessToken, refreshToken, idToken }: Session): string {
  const sizes = [
    ['claims', JSON.stringify(claims)],
    ['access token', accessToken],
    ['refresh token', refreshToken],
    ['ID token', idToken],
  ] as const;
  const told = sizes.flatMap(([what, text]) => (text === null ? [] : `${what} ${text.length}`));
  return `the session does not fit into cookies (characters: ${told.join(', ')}); ask for fewer scopes or claims, or pass on no tokens`;
}

function identityReader(config: OidcConfig): (session: Session) => Identity {
  const user = claimReader(config.user);
  const groups = textsReader(config.groups);
  const roles = textsReader(config.roles);
  const permissions = textsReader(config.permissions);
  return ({ claims }) => {
    const name = user(claims);
    return identityOf({
      user: typeof name === 'string' ? name : null,
      claims,
      groups: groups(claims),
      roles: roles(claims),
      permissions: permissions(claims),
      schemes: ['oidc'],
    });
  };
}
