import type { Exchange, HeaderFields } from '../../pipeline/exchange.ts';
import { createSlot } from '../../pipeline/slot.ts';
import type { AnswerHead, StoredAnswer } from '../../state/cache/answer.ts';
import type { Flight, Flights, Landing } from '../../state/cache/flights.ts';
import type { Wanted } from '../../state/cache/store.ts';
import type { Forwarded } from './cache-status.ts';
import type { Demands } from './demands.ts';
import { selectionOf } from './key.ts';
import type { CacheRule } from './rule.ts';
import type { Asking } from './storing.ts';

/** One request's way along the cache. */
export class Wish implements Wanted, Asking {
  readonly url: string;
  readonly within: string;
  readonly demands: Demands;
  readonly marks: readonly string[];
  readonly hasAuthorization: boolean;
  readonly hasCookie: boolean;
  /** Its own conditions and ranges; the request may carry ours. */
  asked: Pick<HeaderFields, 'header'>;
  /** What is kept and will not do as it is. */
  stale: StoredAnswer | null = null;
  why: Forwarded = 'uri-miss';
  /** Our validators went to the backend: 304 is about what is kept. */
  validates = false;
  /** The answer came from here: response steps see it again. */
  served = false;
  /** Its answer is being kept: what waits for it goes on when that is done. */
  keeping = false;
  /** The exchange is over: it must not begin anything that others wait for. */
  over = false;
  /** It has waited for others so often. */
  waits = 0;
  waitUntilMs = 0;
  askedAtMs = 0;
  /** The store's moment before the backend was asked. */
  since = 0;
  readonly #x: Exchange;
  readonly #flights: Flights;
  #flight: Flight | null = null;

  constructor(
    x: Exchange,
    flights: Flights,
    url: string,
    within: string,
    demands: Demands,
    marks: readonly string[],
  ) {
    const { request } = x;
    this.#x = x;
    this.#flights = flights;
    this.url = url;
    this.within = within;
    this.demands = demands;
    this.marks = marks;
    this.hasAuthorization = request.header('authorization') !== null;
    this.hasCookie = request.header('cookie') !== null;
    this.asked = request;
  }

  select(names: readonly string[]): string {
    return selectionOf(this.#x, names);
  }

  /** Others wait for this one's answer. */
  lead(flight: Flight): void {
    this.#flight = flight;
  }

  /** Once; later calls do nothing. */
  land(landing: Landing): void {
    const flight = this.#flight;
    this.#flight = null;
    if (flight !== null) this.#flights.land(flight, landing);
  }

  /** Puts the validators of what is kept into the request, in place of its own (RFC 9111 section 4.3.1). */
  validate(head: AnswerHead): void {
    const { request } = this.#x;
    if (head.etag === null && head.lastModified === null) return;
    this.asked = new Conditions(request);
    for (const name of ['if-none-match', 'if-modified-since']) request.removeHeader(name);
    if (head.etag !== null) request.setHeader('if-none-match', head.etag);
    if (head.lastModified !== null) request.setHeader('if-modified-since', head.lastModified);
    this.validates = true;
  }
}

const CONDITIONS = ['if-none-match', 'if-modified-since', 'range', 'if-range'] as const;

/** The conditions of a request as the client wrote them. */
class Conditions implements Pick<HeaderFields, 'header'> {
  readonly #values: ReadonlyMap<string, string | null>;

  constructor(request: Pick<HeaderFields, 'header'>) {
    this.#values = new Map(CONDITIONS.map((name) => [name, request.header(name)]));
  }

  header(name: string): string | null {
    return this.#values.get(name) ?? null;
  }
}

/** How the cache has to do with an exchange. */
export type Part =
  | { readonly kind: 'wish'; readonly wish: Wish }
  /** It changes what it names; when that succeeds, what is kept of it is no longer true. */
  | { readonly kind: 'unsafe'; readonly url: string }
  | { readonly kind: 'none'; readonly why: Forwarded };

/** Of the first cache of the rule: a second one has nothing to do. */
export const partSlot = createSlot<{ readonly rule: CacheRule; readonly part: Part }>('cache');
