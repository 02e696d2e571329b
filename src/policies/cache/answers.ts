import type { BackendAnswer, Exchange } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import type { StoredAnswer } from '../../state/cache/answer.ts';
import { type Forwarded, type ForwardedDetails, forwardedStatus } from './cache-status.ts';
import { mayServeOnError } from './demands.ts';
import { voidedBy } from './invalidation.ts';
import { replyFrom } from './replies.ts';
import type { CacheRule } from './rule.ts';
import { freshen, judge, Lines, remainingMs, TAG_HEADERS, type Verdict } from './storing.ts';
import { BodyKeeper } from './tap.ts';
import { type Part, partSlot, type Wish } from './wish.ts';

type Kept = Extract<Verdict, { kind: 'keep' }>;

/** Answers on their way to the client: some are kept, some are replaced by what is kept. */
export class Answers {
  readonly #rule: CacheRule;

  constructor(rule: CacheRule) {
    this.#rule = rule;
  }

  onResponse(x: Exchange): void | Promise<void> {
    const part = this.#partOf(x);
    switch (part?.kind) {
      case undefined:
        return undefined;
      case 'unsafe':
        return this.#onUnsafe(x, part.url);
      case 'none':
        if (!x.response.madeHere) this.#tell(x, part.why, {});
        return undefined;
      case 'wish':
        return part.wish.served ? undefined : this.#onAnswer(x, part.wish);
    }
  }

  /** Nobody waits for what nobody asks any more. */
  onDone(x: Exchange): void {
    const part = this.#partOf(x);
    if (part?.kind !== 'wish') return;
    const { wish } = part;
    wish.over = true;
    if (!wish.served && !wish.keeping) wish.land('abandoned');
  }

  /** The backend was asked behind the client's back. */
  onRefreshed(wish: Wish, kept: StoredAnswer, said: BackendAnswer | null): void {
    if (said === null || isServerError(said.status)) {
      wish.land('failed');
      return;
    }
    const fields = new Lines(said.status, said.headers);
    const isSame = said.status === 304;
    const verdict = this.#judge(wish, isSame ? freshen(kept.head, fields) : fields);
    if (verdict.kind === 'keep') void this.#keep(wish, verdict, isSame ? kept.body : said.body);
    else wish.land('unstorable');
  }

  /** Undefined: the request never came here, or another cache of the rule has it. */
  #partOf(x: Exchange): Part | undefined {
    const taken = x.get(partSlot);
    return taken?.rule === this.#rule ? taken.part : undefined;
  }

  #onAnswer(x: Exchange, wish: Wish): void | Promise<void> {
    const { response } = x;
    const failed = isServerError(response.status);
    if (failed && this.#replaceByStale(x, wish)) return undefined;
    if (response.madeHere) {
      wish.land(failed ? 'failed' : 'abandoned');
      return undefined;
    }
    if (response.status === 304 && wish.validates && wish.stale !== null)
      return this.#onSame(x, wish, wish.stale);
    return this.#onNew(x, wish);
  }

  /** The backend has something else, or had nothing to compare. */
  #onNew(x: Exchange, wish: Wish): void {
    const { response, request } = x;
    const verdict = request.method === 'GET' ? this.#judge(wish, response) : ({ kind: 'refuse' } as const);
    const length = response.body.length;
    const { maxBodyBytes } = this.#rule.settings;
    const keeps = verdict.kind === 'keep' && (length === null || length <= maxBodyBytes);
    for (const name of TAG_HEADERS) if (response.header(name) !== null) response.removeHeader(name);
    this.#tell(x, wish.why, keeps ? { stored: true } : {});
    if (!keeps) {
      wish.land(isServerError(response.status) ? 'failed' : 'unstorable');
      return;
    }
    wish.keeping = true;
    response.body.tap(
      new BodyKeeper(maxBodyBytes, {
        onWhole: (body) => void this.#keep(wish, verdict, body),
        onTooLarge: () => wish.land('unstorable'),
        onBroken: () => wish.land('abandoned'),
      }),
    );
  }

  /** What is kept is as good as new (RFC 9111 section 4.3.4). */
  #onSame(x: Exchange, wish: Wish, stale: StoredAnswer): void | Promise<void> {
    const { response } = x;
    const verdict = this.#judge(wish, freshen(stale.head, response));
    const cookies = response.headerLines('set-cookie').map((value) => ['set-cookie', value] as const);
    const answer = verdict.kind === 'keep' ? { head: verdict.head, body: stale.body } : stale;
    const status = this.#statusOf(wish.why, { status: 304, stored: verdict.kind === 'keep' });
    this.#replace(x, wish, replyFrom(answer, wish.asked, Date.now(), [...cookies, ...status]));
    if (verdict.kind === 'refuse') {
      wish.land('unstorable');
      return undefined;
    }
    // With a store elsewhere the request has to stay until it is written: its headers choose the place.
    return this.#keep(wish, verdict, stale.body);
  }

  #replaceByStale(x: Exchange, wish: Wish): boolean {
    const { stale } = wish;
    const nowMs = Date.now();
    if (stale === null || !mayServeOnError(stale.head, nowMs)) return false;
    const { status, madeHere } = x.response;
    const told = this.#statusOf(wish.why, madeHere ? {} : { status });
    this.#replace(x, wish, replyFrom(stale, wish.asked, nowMs, told));
    wish.land('failed');
    return true;
  }

  #replace(x: Exchange, wish: Wish, reply: Reply): void {
    wish.served = true;
    x.response.replace(reply);
  }

  #judge(wish: Wish, answer: Parameters<typeof judge>[0]): Verdict {
    return judge(answer, wish, this.#rule.config, this.#rule.settings);
  }

  /** No promise where the store has none. */
  #keep(wish: Wish, { head, vary, usefulMs }: Kept, body: Uint8Array): void | Promise<void> {
    const { store, config } = this.#rule;
    const { maxVariants } = config;
    const kept = store.keep(wish, { head, body }, { vary, maxVariants, since: wish.since, usefulMs });
    const landing = (isKept: boolean) => {
      if (!isKept) wish.land('abandoned');
      // What is stale at once is no answer for those who wait.
      else wish.land(remainingMs(head, Date.now()) > 0 ? 'stored' : 'unstorable');
    };
    if (typeof kept === 'boolean') return landing(kept);
    return kept.then(landing);
  }

  #onUnsafe(x: Exchange, url: string): void | Promise<void> {
    const { status, madeHere } = x.response;
    if (!madeHere) this.#tell(x, 'method', {});
    if (madeHere || status < 200 || status >= 400) return undefined;
    const { store, filterQuery } = this.#rule;
    const gone = [url, ...voidedBy(x, filterQuery)].map((one) => store.invalidate(one));
    const promises = gone.filter((one) => one !== undefined);
    return promises.length === 0 ? undefined : Promise.all(promises).then(() => undefined);
  }

  #tell(x: Exchange, why: Forwarded, details: ForwardedDetails): void {
    for (const [name, value] of this.#statusOf(why, details)) x.response.addHeader(name, value);
  }

  #statusOf(why: Forwarded, details: ForwardedDetails): readonly (readonly [string, string])[] {
    return this.#rule.config.cacheStatus ? [['cache-status', forwardedStatus(why, details)]] : [];
  }
}

/** What a stale answer may stand for (RFC 5861 section 4). */
function isServerError(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
