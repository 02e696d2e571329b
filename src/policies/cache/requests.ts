import type { Exchange } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import { ageMs, type StoredAnswer } from '../../state/cache/answer.ts';
import { addressMark, routeMark } from '../../state/cache/marks.ts';
import type { Lookup } from '../../state/cache/store.ts';
import type { Answers } from './answers.ts';
import { forwardedStatus, hitStatus } from './cache-status.ts';
import { demandsOf, mayServeOnError, mayServeWhileRevalidating, satisfies } from './demands.ts';
import { urlOf } from './key.ts';
import { notCached, replyFrom } from './replies.ts';
import type { CacheRule } from './rule.ts';
import { type Part, partSlot, Wish } from './wish.ts';

type Outcome = Reply | undefined;

/** They change nothing (RFC 9110 section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** Whoever waited for so many others goes to the backend itself, whatever became of them. */
const MAX_WAITS = 3;

const BYPASS: Part = { kind: 'none', why: 'bypass' };
const OTHER_METHOD: Part = { kind: 'none', why: 'method' };
const ON_REQUEST: Part = { kind: 'none', why: 'request' };

/** Requests on their way to the backend: some need not go there. */
export class Requests {
  readonly #rule: CacheRule;
  readonly #answers: Answers;

  constructor(rule: CacheRule, answers: Answers) {
    this.#rule = rule;
    this.#answers = answers;
  }

  onRequest(x: Exchange): Outcome | Promise<Outcome> {
    if (x.get(partSlot) !== undefined) return undefined;
    const part = this.#partOf(x);
    x.set(partSlot, { rule: this.#rule, part });
    if (part.kind !== 'wish') return undefined;
    const { wish } = part;
    const lookup = this.#rule.store.find(wish);
    return 'then' in lookup
      ? lookup.then((found) => this.#decide(x, wish, found))
      : this.#decide(x, wish, lookup);
  }

  #partOf(x: Exchange): Part {
    const { request } = x;
    const { filterQuery, config, flights } = this.#rule;
    const query = filterQuery === null ? request.query : filterQuery(request.query);
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      return SAFE.has(method) ? OTHER_METHOD : { kind: 'unsafe', url: urlOf(x, query) };
    }
    if (this.#passesBy(x)) return BYPASS;
    const within = this.#rule.within(x);
    if (within === null) return BYPASS;
    const demands = demandsOf(x, config.requestDirectives === 'honour');
    if (demands.noStore) return ON_REQUEST;
    // What does not count must not make a difference, so the backend does not see it.
    if (query !== request.query) request.setQuery(query);
    const { host, path } = request;
    const marks = [routeMark(x.routeKey), addressMark(host, path, '')];
    if (query !== '') marks.push(addressMark(host, path, query));
    return { kind: 'wish', wish: new Wish(x, flights, urlOf(x, query), within, demands, marks) };
  }

  /** What no key tells apart: a body, another protocol, a condition on the backend's state. */
  #passesBy({ request }: Exchange): boolean {
    if (request.body.length !== 0 || request.header('upgrade') !== null) return true;
    if (request.header('if-match') !== null || request.header('if-unmodified-since') !== null) return true;
    const { ttlMs } = this.#rule.settings;
    if (ttlMs === null) return false;
    const { cookies, authorization } = this.#rule.config;
    if (cookies === 'rfc' && request.header('cookie') !== null) return true;
    return authorization === 'rfc' && request.header('authorization') !== null;
  }

  #decide(x: Exchange, wish: Wish, lookup: Lookup): Outcome | Promise<Outcome> {
    if (wish.over) return undefined;
    const nowMs = Date.now();
    if (lookup.kind === 'missing') {
      wish.stale = null;
      wish.why = lookup.what === 'url' ? 'uri-miss' : 'vary-miss';
    } else {
      const { answer } = lookup;
      if (satisfies(answer.head, wish.demands, nowMs)) return this.#hit(wish, answer, nowMs);
      wish.stale = answer;
      wish.why = answer.head.lifetimeMs > ageMs(answer.head, nowMs) ? 'request' : 'stale';
      if (mayServeWhileRevalidating(answer.head, wish.demands, nowMs)) {
        const reply = this.#hit(wish, answer, nowMs);
        this.#refresh(x, wish, answer, lookup.key);
        return reply;
      }
    }
    if (wish.demands.onlyIfCached) {
      wish.served = true;
      return notCached(this.#statusLine(forwardedStatus(wish.why)));
    }
    return this.#ask(x, wish, lookup.key, nowMs);
  }

  /** To the backend, or to the one who is there already. */
  #ask(x: Exchange, wish: Wish, key: string, nowMs: number): Outcome | Promise<Outcome> {
    const { waitMs } = this.#rule.settings;
    if (waitMs === 0 || !mayShare(x)) return this.#forward(wish);
    if (wish.waitUntilMs === 0) wish.waitUntilMs = nowMs + waitMs;
    const patienceMs = wish.waits < MAX_WAITS ? wish.waitUntilMs - nowMs : 0;
    const boarding = this.#rule.flights.board(key, patienceMs > 0 ? patienceMs : null);
    switch (boarding.kind) {
      case 'lead':
        wish.lead(boarding.flight);
        return this.#justKept(wish, nowMs) ?? this.#forward(wish);
      case 'wait':
        wish.waits++;
        return boarding.landed.then(() => this.#again(x, wish));
      case 'failed':
        return this.#afterFailure(wish, nowMs) ?? this.#forward(wish);
      case 'alone':
        return this.#forward(wish);
    }
  }

  /** Between our look and our boarding another thread's answer may have landed. */
  #justKept(wish: Wish, nowMs: number): Reply | undefined {
    const { store } = this.#rule;
    const lookup = store.isLocal ? (store.find(wish) as Lookup) : null;
    if (lookup?.kind !== 'found' || !satisfies(lookup.answer.head, wish.demands, nowMs)) return undefined;
    wish.land('stored');
    return this.#hit(wish, lookup.answer, nowMs);
  }

  async #again(x: Exchange, wish: Wish): Promise<Outcome> {
    return this.#decide(x, wish, await this.#rule.store.find(wish));
  }

  #forward(wish: Wish): undefined {
    this.#rule.misses.add(1);
    wish.askedAtMs = Date.now();
    wish.since = this.#rule.store.moment;
    if (wish.stale !== null) wish.validate(wish.stale.head);
    return undefined;
  }

  #hit(wish: Wish, answer: StoredAnswer, nowMs: number): Reply {
    wish.served = true;
    this.#rule.hits.add(1);
    const status =
      wish.waits > 0 ? forwardedStatus(wish.why, { collapsed: true }) : hitStatus(answer.head, nowMs);
    return replyFrom(answer, wish.asked, nowMs, this.#statusLine(status));
  }

  /** The backend has just failed another request: it is not asked again for what a stale answer will do for. */
  #afterFailure(wish: Wish, nowMs: number): Reply | undefined {
    const { stale } = wish;
    if (stale === null || !mayServeOnError(stale.head, nowMs)) return undefined;
    return this.#hit(wish, stale, nowMs);
  }

  #refresh(x: Exchange, wish: Wish, answer: StoredAnswer, key: string): void {
    const flight = x.request.method === 'GET' ? this.#rule.flights.lead(key) : null;
    if (flight === null) return;
    wish.lead(flight);
    wish.askedAtMs = Date.now();
    wish.since = this.#rule.store.moment;
    wish.validate(answer.head);
    for (const name of ['range', 'if-range']) x.request.removeHeader(name);
    const { maxBodyBytes } = this.#rule.settings;
    void x.askBackend(maxBodyBytes).then((said) => this.#answers.onRefreshed(wish, answer, said));
  }

  #statusLine(status: string): readonly (readonly [string, string])[] {
    return this.#rule.config.cacheStatus ? [['cache-status', status]] : [];
  }
}

/** Whether the answer would do for others: it is whole, and no 304 that only this client can use. */
function mayShare({ request }: Exchange): boolean {
  return (
    request.method === 'GET' &&
    request.header('range') === null &&
    request.header('if-none-match') === null &&
    request.header('if-modified-since') === null
  );
}
