import { type Static, type TObject, Type } from 'typebox';
import { type Consumers, consumerIdentity } from './consumers.ts';
import type { Exchange } from './exchange.ts';
import { ANONYMOUS, type Identity, identitySlot, mergeIdentities } from './identity.ts';
import {
  type BoundPolicy,
  definePolicy,
  type PolicyEnv,
  type PolicySpec,
  type ResolveContext,
} from './policy.ts';
import { type RefusalReason, Refusals } from './refusal.ts';
import { problem, type Reply } from './reply.ts';

/** What an authenticator says of a request. */
export type Proof =
  /** It has no credential of this kind: another kind may do, or the rule lets everyone in. */
  | { readonly kind: 'absent' }
  /** It has one, and it is not good: the request ends here, also where credentials are optional. */
  | {
      readonly kind: 'refused';
      readonly reply: Reply;
      readonly reason: RefusalReason;
      /** The member of an `authenticate` that refused it. */
      readonly member?: string;
    }
  | { readonly kind: 'passed'; readonly identity: Identity }
  /** The authenticator answers itself, such as at the address to which a login comes back. */
  | {
      readonly kind: 'answered';
      readonly reply: Reply;
      /** Where that is a refusal. */
      readonly reason?: RefusalReason;
    };

export const ABSENT: Proof = { kind: 'absent' };

/** An authenticator bound to one rule. A method that returns no promise costs no turn of the event loop. */
export interface BoundAuthenticator {
  /** Looks at the request and changes nothing in it. */
  authenticate(x: Exchange): Proof | Promise<Proof>;
  /**
   * The answer to a request without a credential, where one is needed: a 401 with a challenge, or, of an interactive
   * authenticator, the way to its login.
   */
  missing(x: Exchange): Reply | Promise<Reply>;
  /** Takes its credential out of what is sent upstream. Called before the backend is asked, whoever has passed. */
  strip?(x: Exchange): void;
  /**
   * Places whose credential the backend gets all the same, where this let the request in: `header authorization`,
   * `cookie NAME`, `query NAME`.
   */
  readonly leaves?: readonly string[];
  /**
   * Takes out what this might have left to the backend, or tells it itself: this did not let the request in, so nobody has
   * proved what stands there.
   * @param spared places whose credential another one has proved
   */
  drop?(x: Exchange, spared: readonly string[]): void;
  /** See {@link BoundPolicy}; also called when it was not what let the request in. */
  onResponse?(x: Exchange): void | Promise<void>;
  onDone?(x: Exchange): void;
  close?(): void;
}

/** A way to authenticate: a policy of its own, and a member of the policy `authenticate`. */
export interface AuthenticatorSpec<S extends TObject = TObject, R = Static<S>> {
  /** The key in `policies:`, and in the lists of `authenticate`. */
  readonly name: string;
  readonly summary: string;
  /** Of its configuration, without `optional`, which is added where it is a policy of its own. */
  readonly schema: S;
  /** Why it may refuse a credential, besides that there is none. */
  readonly reasons: readonly RefusalReason[];
  /** Its `missing` leads people to a login: that goes before the 401 of others. */
  readonly interactive?: boolean;
  /** See {@link PolicySpec}. */
  resolve?(config: Static<S>, context: ResolveContext): R;
  /** See {@link PolicySpec}. */
  bind(config: R, env: PolicyEnv): BoundAuthenticator;
}

/** A policy that authenticates; `authenticator` is what `authenticate` makes a member of. */
export interface AuthenticatorPolicy extends PolicySpec {
  readonly authenticator: AuthenticatorSpec;
}

const optional = Type.Boolean({
  description:
    'Requests without this credential pass, as nobody. One with a bad credential is refused all the same.',
  default: false,
});

/** How a resolved configuration stands in the IR. */
interface Wrapped {
  readonly optional: boolean;
  /** Of the Consumers that claims may belong to. */
  readonly namespace: string;
  readonly config: unknown;
}

/**
 * Makes an authenticator a policy of the phase `authn`. Where a rule has several of them, all must pass: see
 * {@link mergeIdentities} for what their identities become.
 */
export function defineAuthenticator<S extends TObject, R = Static<S>>(
  spec: AuthenticatorSpec<S, R>,
): AuthenticatorPolicy {
  const authenticator = spec as unknown as AuthenticatorSpec;
  const schema = { ...spec.schema, properties: { ...spec.schema.properties, optional } };
  const policy = definePolicy<TObject, Wrapped>({
    name: spec.name,
    phase: 'authn',
    summary: spec.summary,
    schema: schema as unknown as TObject,
    resolve(whole, context) {
      const { optional, ...config } = whole as { readonly optional?: boolean };
      const resolved = authenticator.resolve?.(config, context) ?? config;
      return { optional: optional ?? false, namespace: context.namespace, config: resolved };
    },
    bind: ({ optional, namespace, config }, env) =>
      authenticationSteps(authenticator.bind(config as never, env), {
        isOptional: optional,
        consumers: env.consumers(namespace),
        refusals: refusalTeller(env, authenticator.name, [authenticator]),
      }),
  });
  return { ...(policy as unknown as PolicySpec), authenticator };
}

const NO_PLACES: readonly string[] = [];

export interface AuthenticationOptions {
  readonly isOptional: boolean;
  /** A verified token belongs to the one of these whose claim it has. */
  readonly consumers: Consumers;
  readonly refusals: RefusalTeller;
}

/** @param member which of an `authenticate` it was, if that is known */
type RefusalTeller = (x: Exchange, reason: RefusalReason, member?: string) => void;

/** @param authenticators the policy itself, or its members */
export function refusalTeller(
  env: PolicyEnv,
  policy: string,
  authenticators: readonly Pick<AuthenticatorSpec, 'name' | 'reasons'>[],
): RefusalTeller {
  const byName = new Map(authenticators.map(({ name, reasons }) => [name, new Refusals(env, name, reasons)]));
  const own = byName.get(policy) ?? new Refusals(env, policy, []);
  for (const reason of ['missing', 'twoConsumers'] as const) env.authenticationRefusals(policy, reason);
  return (x, reason, member) => (byName.get(member ?? policy) ?? own).tell(x, reason);
}

/** The steps of a policy that authenticates. */
export function authenticationSteps(
  bound: BoundAuthenticator,
  { isOptional, consumers, refusals }: AuthenticationOptions,
): BoundPolicy {
  const withConsumer = consumerFinder(consumers);
  /** To be led to a login is no refusal. */
  function missing(x: Exchange, reply: Reply): Reply {
    if (reply.status >= 400) refusals(x, 'missing');
    return reply;
  }
  function settle(x: Exchange, proof: Proof): Reply | undefined | Promise<Reply> {
    switch (proof.kind) {
      case 'passed':
        bound.strip?.(x);
        return admit(x, withConsumer(proof.identity), refusals);
      case 'absent':
        if (!isOptional) {
          const reply = bound.missing(x);
          return isPromise(reply) ? reply.then((made) => missing(x, made)) : missing(x, reply);
        }
        bound.strip?.(x);
        bound.drop?.(x, NO_PLACES);
        if (x.get(identitySlot) === undefined) x.set(identitySlot, ANONYMOUS);
        return undefined;
      case 'refused':
        refusals(x, proof.reason, proof.member);
        return proof.reply;
      case 'answered':
        if (proof.reason !== undefined) refusals(x, proof.reason);
        return proof.reply;
    }
  }
  return {
    onRequest(x) {
      const proof = bound.authenticate(x);
      return isPromise(proof) ? proof.then((settled) => settle(x, settled)) : settle(x, proof);
    },
    ...(bound.onResponse !== undefined && { onResponse: (x) => bound.onResponse!(x) }),
    ...(bound.onDone !== undefined && { onDone: (x) => bound.onDone!(x) }),
    ...(bound.close !== undefined && { close: () => bound.close!() }),
  };
}

/** Finds the Consumer of an identity with claims. What was found is remembered, for an authenticator may give one often. */
function consumerFinder(consumers: Consumers): (identity: Identity) => Identity {
  let known = new WeakMap<Identity, Identity>();
  let { version } = consumers;
  return function withConsumer(identity) {
    if (identity.claims === null || identity.consumerKey !== null) return identity;
    if (version !== consumers.version) {
      known = new WeakMap();
      version = consumers.version;
    }
    const before = known.get(identity);
    if (before !== undefined) return before;
    const consumer = consumers.byClaims(identity.claims);
    const found = consumer === null ? identity : consumerIdentity(consumer, identity);
    known.set(identity, found);
    return found;
  };
}

const TWO_CONSUMERS = problem(401, 'The credentials belong to different consumers.');

function admit(x: Exchange, identity: Identity, refusals: RefusalTeller): Reply | undefined {
  const before = x.get(identitySlot);
  const merged = before === undefined ? identity : mergeIdentities(before, identity);
  if (merged === null) {
    refusals(x, 'twoConsumers');
    return TWO_CONSUMERS;
  }
  x.set(identitySlot, merged);
  return undefined;
}

/**
 * A 401 as RFC 9110 section 15.5.2 asks for.
 * @param challenge value of WWW-Authenticate: `Bearer realm="shop"`
 */
export function unauthorized(detail: string, challenge: string): Reply {
  return problem(401, detail, [['www-authenticate', challenge]]);
}

/** Verdicts that tell the client the same, one a reason: made once, for whoever sends bad credentials sends many. */
export function refusedFor(detail: string, challenge: string): (reason: RefusalReason) => Proof {
  const known = new Map<RefusalReason, Proof>();
  return (reason) => {
    const before = known.get(reason);
    if (before !== undefined) return before;
    const made = refused(detail, challenge, reason);
    known.set(reason, made);
    return made;
  };
}

/** {@link unauthorized} as a verdict. */
export function refused(detail: string, challenge: string, reason: RefusalReason): Proof {
  return { kind: 'refused', reason, reply: unauthorized(detail, challenge) };
}

/**
 * RFC 6750 section 2: one token a request. Of two different ones nobody could tell which the backend would believe.
 * @param challenge makes the value of WWW-Authenticate of parameters
 */
export function severalTokens(challenge: (...parameters: string[]) => string): Proof {
  const detail = 'More than one token';
  const parameters = ['error="invalid_request"', `error_description=${quoted(detail)}`];
  return {
    kind: 'refused',
    reason: 'several',
    reply: problem(400, detail, [['www-authenticate', challenge(...parameters)]]),
  };
}

/** A parameter of a challenge (RFC 9110 section 5.6.4). */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Whether a step has to be waited for. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
