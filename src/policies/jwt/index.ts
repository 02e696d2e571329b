import {
  ABSENT,
  type BoundAuthenticator,
  defineAuthenticator,
  isPromise,
  type Proof,
  quoted,
  refusedFor,
  severalTokens,
  unauthorized,
} from '../../pipeline/authenticator.ts';
import { tokenPlace } from '../../pipeline/credential-places.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { ambiguity, leavingPlaces, type Place, stripAll } from '../../pipeline/place.ts';
import type { PolicyEnv } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import { createSlot } from '../../pipeline/slot.ts';
import { type JwtConfig, resolveJwt } from './config.ts';
import { takeCore } from './core.ts';
import { type KnownToken, TokenReader } from './known-token.ts';
import { jwtSchema } from './schema.ts';
import type { UserAnswer } from './users.ts';
import type { Verdict } from './verifier.ts';

const MAX_TOKEN_BYTES = 16 * 1024;
/** What an entry takes besides the token: its claims as objects are some times as large as their text. */
const ENTRY_BYTES = 512;

/** Claims for the backend, with the rule whose policy read them; a request may have tokens for two. */
interface Noted {
  readonly owner: object;
  readonly headers: KnownToken['headers'];
  readonly next: Noted | undefined;
}
const notedSlot = createSlot<Noted>('jwt');

export const jwt = defineAuthenticator({
  name: 'jwt',
  summary: 'Admits who has a good token (JWT); 401.',
  reasons: [
    ...(['several', 'malformed', 'algorithm', 'unknownKey', 'signature', 'expired', 'notYet'] as const),
    ...(['issuer', 'audience', 'claims', 'type', 'unknownUser', 'unavailable'] as const),
  ],
  schema: jwtSchema,
  resolve: resolveJwt,
  bind: bindJwt,
});

function bindJwt(config: JwtConfig, env: PolicyEnv): BoundAuthenticator {
  const lease = takeCore(config, env);
  const core = lease.value;
  const { verifier, known, users } = core;
  const places = config.from.map(tokenPlace);
  const hasTwo = ambiguity(places);
  const verdicts = verdictsOf(config.realm);
  const reader = new TokenReader(config);
  const owner = {};

  function pass(x: Exchange, token: KnownToken, nowMs: number): Proof | Promise<Proof> {
    const standing = reader.standingOf(token, nowMs);
    if (standing !== null) return admit(x, token, standing);
    if (users === null) return admit(x, token, reader.stand(token, null, Number.POSITIVE_INFINITY));
    const { sub } = token.claims;
    if (typeof sub !== 'string' || sub === '') return verdicts.invalid('claims');
    const answer = users.find(sub);
    return isPromise(answer) ? answer.then((one) => lookedUp(x, token, one)) : lookedUp(x, token, answer);
  }
  function lookedUp(x: Exchange, token: KnownToken, answer: UserAnswer | null): Proof {
    if (answer === null) return verdicts.unavailable;
    if (answer.record === null) return verdicts.invalid('unknownUser');
    return admit(x, token, reader.stand(token, answer.record, answer.untilMs));
  }
  /** Only now: of a token that is refused the backend hears nothing, although another way may let the request in. */
  function admit(x: Exchange, { headers }: KnownToken, proof: Proof): Proof {
    if (headers.length > 0) x.set(notedSlot, { owner, headers, next: x.get(notedSlot) });
    return proof;
  }
  function check(x: Exchange, raw: string, token: string): Proof | Promise<Proof> {
    const { generation } = core;
    const verdict = verifier.verify(token);
    if (!isPromise(verdict)) return settle(x, raw, verdict);
    // Keys may have changed meanwhile: what was found by those before is neither kept nor believed.
    return verdict.then((one) =>
      generation === core.generation ? settle(x, raw, one) : check(x, raw, token),
    );
  }
  function settle(x: Exchange, raw: string, verdict: Verdict): Proof | Promise<Proof> {
    if (verdict.kind === 'invalid') return verdicts.invalid(verdict.reason);
    if (verdict.kind !== 'valid') return verdicts[verdict.kind];
    const token = reader.know(verdict.claims, verdict.untilMs);
    known.set(raw, token, raw.length * 4 + ENTRY_BYTES);
    return pass(x, token, Date.now());
  }
  return {
    authenticate(x) {
      if (hasTwo?.(x) === true) return verdicts.several;
      for (const place of places) {
        const raw = place.read(x);
        if (raw === null) continue;
        const seen = known.get(raw);
        if (seen !== undefined) {
          const nowMs = Date.now();
          return nowMs < seen.untilMs ? pass(x, seen, nowMs) : verdicts.expired;
        }
        const token = place.credentialIn(raw);
        if (token === null) continue;
        return token.length > MAX_TOKEN_BYTES ? verdicts.invalid('malformed') : check(x, raw, token);
      }
      return ABSENT;
    },
    missing: () => verdicts.missing,
    ...(config.forward && leavingPlaces(places)),
    ...stripper(config, places, owner),
    close: () => lease.release(),
  };
}

/** Takes from the request what clients may not say, and the token where the backend must not see it. */
function stripper(
  { forward, claimsToHeaders }: JwtConfig,
  places: readonly Place[],
  owner: object,
): Pick<BoundAuthenticator, 'strip'> {
  if (forward && claimsToHeaders.length === 0) return {};
  const names = [...new Set(claimsToHeaders.map(({ header }) => header.toLowerCase()))];
  return {
    strip(x) {
      const { request } = x;
      if (!forward) stripAll(places, request);
      request.removeHeaders(names);
      let noted = x.get(notedSlot);
      while (noted !== undefined && noted.owner !== owner) noted = noted.next;
      for (const [name, value] of noted?.headers ?? []) request.addHeader(name, value);
    },
  };
}

/** RFC 6750 section 3: without a token the challenge has no error. */
function verdictsOf(realm: string | null) {
  const named = realm === null ? [] : [`realm=${quoted(realm)}`];
  const challenge = (...parameters: string[]) => `Bearer ${[...named, ...parameters].join(', ')}`.trimEnd();
  const bad = (message: string) =>
    refusedFor(message, challenge('error="invalid_token"', `error_description=${quoted(message)}`));
  const away = problem(503, 'Tokens cannot be checked at the moment.', [['retry-after', '5']]);
  return {
    missing: unauthorized('Missing authentication token', challenge()),
    expired: bad('Token expired')('expired'),
    invalid: bad('Invalid token'),
    several: severalTokens(challenge),
    unavailable: { kind: 'refused', reason: 'unavailable', reply: away } satisfies Proof,
  };
}
