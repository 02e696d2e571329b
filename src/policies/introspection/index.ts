import { hash } from 'node:crypto';
import type { SecretName } from '../../ir/secret.ts';
import { textsReader } from '../../lib/claim-text.ts';
import { parseDuration } from '../../lib/duration.ts';
import { SharedRegistry } from '../../lib/shared-registry.ts';
import type { Claims } from '../../lib/token-claims.ts';
import type { TokenPlaceConfig } from '../../lib/token-place-schema.ts';
import { outboundClient } from '../../outbound/client.ts';
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
import { type Identity, identityOf } from '../../pipeline/identity.ts';
import { ambiguity, leavingPlaces, stripAll } from '../../pipeline/place.ts';
import type { PolicyEnv, ResolveContext } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import { Introspector, type Standing } from './introspector.ts';
import { type IntrospectionSchema, introspectionSchema } from './schema.ts';

/** The configuration as it stands in the IR. */
interface IntrospectionConfig {
  readonly url: string;
  readonly clientId: string;
  readonly secret: SecretName | null;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly from: readonly TokenPlaceConfig[];
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  readonly forward: boolean;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
  readonly realm: string | null;
}

const MAX_TOKEN_BYTES = 16 * 1024;

export const introspection = defineAuthenticator({
  name: 'introspection',
  summary: 'Admits who has a token that the authorization server calls active (RFC 7662); 401.',
  reasons: [
    ...(['several', 'malformed', 'inactive', 'expired', 'notYet', 'issuer', 'audience'] as const),
    ...(['claims', 'unavailable'] as const),
  ],
  schema: introspectionSchema,
  resolve: resolveIntrospection,
  bind: bindIntrospection,
});

function resolveIntrospection(config: IntrospectionSchema, context: ResolveContext): IntrospectionConfig {
  const { client, timeout, cache, realm, ...rest } = config;
  return {
    ...rest,
    clientId: client.id,
    secret: context.secret(client.secretRef, 'client.secretRef'),
    timeoutMs: parseDuration(timeout),
    cacheMs: parseDuration(cache),
    realm: realm ?? null,
  };
}

const introspectors = new SharedRegistry<Introspector>();

function takeIntrospector(config: IntrospectionConfig, env: PolicyEnv) {
  const { url, clientId, timeoutMs, cacheMs, issuers, audiences } = config;
  if (config.secret === null) throw new Error("the client's secret is not there");
  const secret = env.secret(config.secret);
  const key = JSON.stringify([url, clientId, hash('sha256', secret), timeoutMs, cacheMs, issuers, audiences]);
  return introspectors.take(key, () => {
    return new Introspector({
      client: outboundClient(env.outbound),
      url: new URL(url),
      authorization: basic(clientId, secret),
      ...{ timeoutMs, cacheMs },
      rules: { issuers, audiences, required: [], leeway: 0, maxAge: null, typ: null },
      log: (level, message) => env.log(level, `introspection: ${new URL(url).host}: ${message}`),
    });
  });
}

/** RFC 6749 section 2.3.1: both are form-encoded first. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ a: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}

function bindIntrospection(config: IntrospectionConfig, env: PolicyEnv): BoundAuthenticator {
  const lease = takeIntrospector(config, env);
  const places = config.from.map(tokenPlace);
  const hasTwo = ambiguity(places);
  const replies = repliesOf(config.realm);
  const identify = identifying(config);
  const proofs = new WeakMap<Standing, Proof>();
  function judge(standing: Standing): Proof {
    const known = proofs.get(standing);
    if (known !== undefined) return known;
    const proof: Proof =
      standing.kind === 'active'
        ? { kind: 'passed', identity: identify(standing.claims) }
        : replies.invalid(standing.reason);
    proofs.set(standing, proof);
    return proof;
  }
  return {
    authenticate(x) {
      for (const place of places) {
        const raw = place.read(x);
        const token = raw === null ? null : place.credentialIn(raw);
        if (token === null) continue;
        if (hasTwo?.(x) === true) return replies.several;
        if (token.length > MAX_TOKEN_BYTES) return replies.invalid('malformed');
        const standing = lease.value.find(token);
        return isPromise(standing) ? standing.then(judge, () => replies.away) : judge(standing);
      }
      return ABSENT;
    },
    missing: () => replies.missing,
    ...(config.forward ? leavingPlaces(places) : { strip: ({ request }) => stripAll(places, request) }),
    close: () => lease.release(),
  };
}

function identifying(config: IntrospectionConfig): (claims: Claims) => Identity {
  const [roles, permissions, groups] = [config.roles, config.permissions, config.groups].map(textsReader);
  return (claims) => {
    const user = [claims.sub, claims.username].find((one) => typeof one === 'string');
    return identityOf({
      user: typeof user === 'string' ? user : null,
      claims,
      roles: roles!(claims),
      permissions: permissions!(claims),
      groups: groups!(claims),
      schemes: ['introspection'],
    });
  };
}

/** RFC 6750 section 3: without a token the challenge has no error. */
function repliesOf(realm: string | null) {
  const named = realm === null ? [] : [`realm=${quoted(realm)}`];
  const challenge = (...parameters: string[]) => `Bearer ${[...named, ...parameters].join(', ')}`.trimEnd();
  const message = 'Invalid token';
  const away = problem(503, 'Tokens cannot be checked at the moment.', [['retry-after', '5']]);
  return {
    missing: unauthorized('Missing authentication token', challenge()),
    invalid: refusedFor(message, challenge('error="invalid_token"', `error_description=${quoted(message)}`)),
    several: severalTokens(challenge),
    away: { kind: 'refused', reason: 'unavailable', reply: away } satisfies Proof,
  };
}
