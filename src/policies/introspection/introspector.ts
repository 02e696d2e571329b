import { hash } from 'node:crypto';
import { CacheSpace, SpacedCache } from '../../lib/spaced-cache.ts';
import { type ClaimFault, type ClaimRules, type Claims, judgeClaims } from '../../lib/token-claims.ts';
import type { OutboundClient } from '../../outbound/client.ts';
import { OutboundFailure } from '../../outbound/failure.ts';
import { Flights } from '../../outbound/flights.ts';

export type Standing =
  | { readonly kind: 'active'; readonly claims: Claims; readonly untilMs: number }
  | { readonly kind: 'inactive'; readonly reason: InactiveReason; readonly untilMs: number };

export type InactiveReason = ClaimFault | 'inactive' | 'expired';

export interface IntrospectorOptions {
  readonly client: OutboundClient;
  readonly url: URL;
  /** Value of Authorization. */
  readonly authorization: string;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly rules: ClaimRules;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

const SPACE = new CacheSpace(32 * 1024 * 1024);
const MAX_BYTES = 256 * 1024;
/** What was not active may have been asked a moment too early. */
const MAX_INACTIVE_MS = 10_000;
const ENTRY_BYTES = 512;

/** Asks the authorization server what a token is worth, once for all requests that have it. */
export class Introspector {
  readonly #options: IntrospectorOptions;
  /** By the hash of the token: the tokens themselves are not kept. */
  readonly #known = new SpacedCache<Standing>(SPACE);
  readonly #flights = new Flights<Standing>();
  #failing = false;

  constructor(options: IntrospectorOptions) {
    this.#options = options;
  }

  /**
   * A promise only where it is not known.
   * @throws OutboundFailure, as rejection, when the server does not tell
   */
  find(token: string): Standing | Promise<Standing> {
    const key = hash('sha256', token, 'base64url');
    const known = this.#known.get(key);
    if (known !== undefined && Date.now() < known.untilMs) return known;
    return this.#flights.share(key, () => this.#ask(key, token));
  }

  close(): void {
    this.#known.close();
  }

  async #ask(key: string, token: string): Promise<Standing> {
    try {
      const { claims, bytes } = await this.#question(token);
      if (this.#failing) this.#options.log('info', 'the authorization server answers again');
      this.#failing = false;
      const standing = this.#judge(claims);
      this.#known.set(key, standing, bytes * 4 + ENTRY_BYTES);
      return standing;
    } catch (error) {
      if (!this.#failing) this.#options.log('warn', `no answer: ${(error as Error).message}`);
      this.#failing = true;
      throw error;
    }
  }

  #judge(claims: Claims): Standing {
    const { cacheMs, rules } = this.#options;
    const nowMs = Date.now();
    // RFC 7662 section 2.2: what is not `true` is not active.
    const verdict = claims.active === true ? judgeClaims(claims, null, rules, nowMs) : null;
    if (verdict?.kind !== 'valid') {
      const reason = verdict === null ? 'inactive' : verdict.kind === 'expired' ? 'expired' : verdict.reason;
      return { kind: 'inactive', reason, untilMs: nowMs + Math.min(MAX_INACTIVE_MS, cacheMs) };
    }
    return { kind: 'active', claims, untilMs: Math.min(verdict.untilMs, nowMs + cacheMs) };
  }

  async #question(token: string): Promise<{ readonly claims: Claims; readonly bytes: number }> {
    const { client, url, authorization, timeoutMs } = this.#options;
    const answer = await client.call({
      ...{ url, timeoutMs, maxBytes: MAX_BYTES, method: 'POST' },
      headers: {
        authorization,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
    });
    if (answer.status !== 200) throw new OutboundFailure('failed', `the answer has status ${answer.status}`);
    const value = parsed(answer.body);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new OutboundFailure('failed', 'the answer is no JSON object');
    return {
      claims: Object.assign(Object.create(null) as Record<string, unknown>, value),
      bytes: answer.body.length,
    };
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
