import { ABSENT, type Proof } from '../../pipeline/authenticator.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { createSlot } from '../../pipeline/slot.ts';
import type { Parts } from './parts.ts';
import { nowSeconds, type Renewal } from './renewals.ts';
import { providerAway } from './replies.ts';
import { type Session, shouldTouch } from './session.ts';
import { type KnownSession, tooLargeReason } from './sessions.ts';

/** What a request found out about its session. */
interface Noted {
  /** Tells one `oidc` of a rule from another. */
  readonly gate: Gate;
  /** Null: what its cookies hold is of no use. */
  readonly session: Session | null;
  /** The browser must be given the session, not only keep it. */
  readonly write: boolean;
  /** Names of its cookies, which the backend does not see; not looked for where none is going to be changed. */
  readonly held: readonly string[];
  readonly next: Noted | undefined;
}

const notedSlot = createSlot<Noted>('oidc');

/** Admits requests with a session, and keeps the session alive. */
export class Gate {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  judge(x: Exchange): Proof | Promise<Proof> {
    const { sessions, renewals } = this.#parts;
    const known = sessions.read(x);
    if (known === 'none') return ABSENT;
    if (known === 'bad') return this.#end(x);
    const renewal = renewals.known(known.session);
    if (renewal === undefined) return this.#admit(x, known, false);
    if (renewal.kind === 'renewed') return this.#admit(x, sessions.know(renewal.session), true);
    return this.#settle(x, known, renewal);
  }

  /** Tells the backend what it is to know of the session. What a client sends under these names itself is never passed on. */
  passOn(x: Exchange): void {
    const { accessTokenUpstream, idTokenHeader } = this.#parts.config;
    if (!accessTokenUpstream && idTokenHeader === null) return;
    const { request } = x;
    const session = this.#noted(x)?.session ?? null;
    // Without a session another way may have proved what stands there; if none has, `drop` takes it.
    if (accessTokenUpstream && session !== null) {
      if (session.accessToken === null) request.removeHeader('authorization');
      else request.setHeader('authorization', `Bearer ${session.accessToken}`);
    }
    if (idTokenHeader === null) return;
    request.removeHeader(idTokenHeader);
    if (session !== null && session.idToken !== null) request.addHeader(idTokenHeader, session.idToken);
  }

  /** Of a request that has no session: the backend takes what stands in Authorization for a token of ours. */
  drop(x: Exchange, spared: readonly string[]): void {
    if (!this.#parts.config.accessTokenUpstream || spared.includes('header authorization')) return;
    x.request.removeHeader('authorization');
  }

  /**
   * Gives the browser what is the newest state of the session by now: other requests may have refreshed it, or logged out,
   * while this one was under way.
   */
  writeCookies(x: Exchange): void {
    const noted = this.#noted(x);
    if (noted === undefined) return;
    for (const line of this.#cookies(noted)) {
      x.response.addHeader('set-cookie', line);
      keepFromCaches(x);
    }
  }

  #cookies({ session, write, held }: Noted): readonly string[] {
    const { sessions, renewals } = this.#parts;
    if (session === null) return sessions.clear(held);
    const renewal = renewals.known(session);
    if (renewal?.kind === 'ended') return sessions.clear(held);
    if (renewal?.kind === 'renewed') return this.#write(renewal.session, held);
    return write ? this.#write({ ...session, seenAt: nowSeconds() }, held) : [];
  }

  /** One that has grown too large ends here: the next login says so to its user, too. */
  #write(session: Session, held: readonly string[]): readonly string[] {
    const { sessions, log } = this.#parts;
    const lines = sessions.write(session, held);
    if (lines !== null) return lines;
    log('error', `a session ends: ${tooLargeReason(session)}`);
    return sessions.clear(held);
  }

  /** @param renewed the browser has an older state of it */
  #admit(x: Exchange, known: KnownSession, renewed: boolean): Proof | Promise<Proof> {
    const { session } = known;
    const { renewals, config } = this.#parts;
    if (!isPast(session.refreshAt)) return this.#pass(x, known, renewed);
    if (session.refreshToken !== null) {
      return renewals.renew(session).then((renewal) => this.#settle(x, known, renewal));
    }
    // Without a refresh token it is of use until its very end.
    return config.accessTokenUpstream && isPast(session.accessUntil)
      ? this.#end(x)
      : this.#pass(x, known, renewed);
  }

  #settle(x: Exchange, known: KnownSession, renewal: Renewal): Proof {
    if (renewal.kind === 'renewed') return this.#pass(x, this.#parts.sessions.know(renewal.session), true);
    if (renewal.kind === 'ended') return this.#end(x);
    // Who it is has been proved; only what the backend would get of it is of no use any more.
    return this.#parts.config.accessTokenUpstream && isPast(known.session.accessUntil)
      ? { kind: 'refused', reason: 'unavailable', reply: providerAway() }
      : this.#pass(x, known, false);
  }

  #pass(x: Exchange, { session, identity }: KnownSession, renewed: boolean): Proof {
    this.#note(x, session, renewed || shouldTouch(session, this.#parts.config.lifetime, nowSeconds()));
    return { kind: 'passed', identity };
  }

  #end(x: Exchange): Proof {
    this.#note(x, null, false);
    return ABSENT;
  }

  #note(x: Exchange, session: Session | null, write: boolean): void {
    const held = write || session === null ? this.#parts.sessions.held(x) : [];
    x.set(notedSlot, { gate: this, session, write, held, next: x.get(notedSlot) });
  }

  #noted(x: Exchange): Noted | undefined {
    let noted = x.get(notedSlot);
    while (noted !== undefined && noted.gate !== this) noted = noted.next;
    return noted;
  }
}

function isPast(seconds: number | null): boolean {
  return seconds !== null && nowSeconds() >= seconds;
}

/** A cache that is shared would give one person's cookie to another. */
function keepFromCaches({ response }: Exchange): void {
  const told = response.header('cache-control');
  if (told !== null && /(^|[\s,])(private|no-store)\b/i.test(told)) return;
  const kept = (told ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/^(public|s-maxage)\b/i.test(part));
  response.setHeader('cache-control', ['private', ...kept].join(', '));
}
