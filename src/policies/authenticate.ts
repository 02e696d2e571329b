import { type Static, type TSchema, Type } from 'typebox';
import { fields, list } from '../lib/schema.ts';
import {
  ABSENT,
  type AuthenticatorPolicy,
  type AuthenticatorSpec,
  authenticationSteps,
  type BoundAuthenticator,
  isPromise,
  type Proof,
  refusalTeller,
} from '../pipeline/authenticator.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { definePolicy, type PolicySpec, type ResolveContext } from '../pipeline/policy.ts';
import { problem, type Reply } from '../pipeline/reply.ts';
import { createSlot } from '../pipeline/slot.ts';

/** An entry of `anyOf`: the name of an authenticator, with its configuration. */
type MemberEntry = Readonly<Record<string, unknown>>;

interface Member {
  readonly name: string;
  readonly config: unknown;
}

interface AuthenticateConfig {
  readonly namespace: string;
  readonly anyOf: readonly Member[];
  readonly anonymous: boolean;
}

function schemaOf(authenticators: ReadonlyMap<string, AuthenticatorSpec>) {
  const members: Record<string, TSchema> = {};
  for (const [name, { schema }] of authenticators) members[name] = Type.Optional(schema);
  const member = Type.Unsafe<MemberEntry>({
    type: 'object',
    properties: members,
    additionalProperties: false,
    description: 'One way: its name, with its configuration.',
    'x-exactly-one-of': Object.keys(members),
  });
  return fields(
    {
      anyOf: list(
        member,
        'Any of these lets a request in. They are tried in this order; the first that passes counts.',
        {
          minItems: 1,
          maxItems: 4,
        },
      ),
      anonymous: Type.Boolean({
        description:
          'Requests without any credential pass, as nobody. Those with a bad one are refused all the same.',
        default: false,
      }),
    },
    'Several ways to authenticate, of which one is enough.',
  );
}

/** The policy `authenticate` over the authenticators that there are. */
export function authenticate(policies: readonly AuthenticatorPolicy[]): PolicySpec {
  const authenticators = new Map(policies.map(({ name, authenticator }) => [name, authenticator]));
  const schema = schemaOf(authenticators);
  const resolve = (config: Static<typeof schema>, context: ResolveContext): AuthenticateConfig => ({
    anonymous: config.anonymous,
    namespace: context.namespace,
    anyOf: config.anyOf.map((entry, index) => {
      const [name, own] = Object.entries(entry)[0]!;
      const { resolve } = authenticators.get(name)!;
      const inner = within(context, `anyOf[${index}].${name}`);
      return { name, config: resolve === undefined ? own : resolve(own as never, inner) };
    }),
  });
  return definePolicy({
    name: 'authenticate',
    phase: 'authn',
    summary: 'Authenticates in any of several ways; 401.',
    schema,
    resolve,
    bind({ anyOf, anonymous, namespace }, env) {
      const members = anyOf.map(({ name, config }) => ({
        name,
        bound: authenticators.get(name)!.bind(config as never, env),
        interactive: authenticators.get(name)!.interactive === true,
      }));
      return authenticationSteps(compound(members), {
        isOptional: anonymous,
        consumers: env.consumers(namespace),
        refusals: refusalTeller(
          env,
          'authenticate',
          anyOf.map(({ name }) => authenticators.get(name)!),
        ),
      });
    },
  }) as unknown as PolicySpec;
}

/** The context of a member: its fields stand deeper. */
function within(context: ResolveContext, at: string): ResolveContext {
  return {
    id: `${context.id} ${at}`,
    namespace: context.namespace,
    shadow: context.shadow,
    referred: (kind, name, field) => context.referred(kind, name, `${at}.${field}`),
    secret: (ref, field, check) => context.secret(ref, `${at}.${field}`, check),
    document: (ref, field) => context.document(ref, `${at}.${field}`),
    file: (path, field) => context.file(path, `${at}.${field}`),
  };
}

interface BoundMember {
  readonly name: string;
  readonly bound: BoundAuthenticator;
  readonly interactive: boolean;
}

/** Which of them let the request in. Read before another `authenticate` of the rule begins. */
const winnerSlot = createSlot<BoundAuthenticator | undefined>('authenticate');
const NO_PLACES: readonly string[] = [];

/** Several authenticators as one. */
function compound(members: readonly BoundMember[]): BoundAuthenticator {
  const all = members.map(({ bound }) => bound);
  const leading = members.find(({ interactive }) => interactive)?.bound;
  const answering = all.filter(({ onResponse }) => onResponse !== undefined);
  return {
    authenticate(x) {
      x.set(winnerSlot, undefined);
      return tryFrom(members, 0, ABSENT, x);
    },
    missing: (x) => (leading === undefined ? allChallenges(all, x) : leading.missing(x)),
    // Whoever let it in: what the others have refused, or did not look at, is not the backend's. He is last: what he tells
    // the backend stays.
    strip(x) {
      const winner = x.get(winnerSlot);
      const spared = winner?.leaves ?? NO_PLACES;
      for (const one of all) {
        if (one === winner) continue;
        one.strip?.(x);
        one.drop?.(x, spared);
      }
      winner?.strip?.(x);
    },
    ...(answering.length > 0 && {
      async onResponse(x) {
        for (const one of answering) await one.onResponse!(x);
      },
    }),
    onDone(x) {
      for (const one of all) one.onDone?.(x);
    },
    close() {
      for (const one of all) one.close?.();
    },
  };
}

/** @param worst refused, if one before has refused what it found; else absent */
function tryFrom(
  members: readonly BoundMember[],
  first: number,
  worst: Proof,
  x: Exchange,
): Proof | Promise<Proof> {
  let outcome = worst;
  for (let i = first; i < members.length; i++) {
    const { bound, name } = members[i]!;
    const proof = bound.authenticate(x);
    if (isPromise(proof)) {
      const before = outcome;
      return proof.then((settled) =>
        decides(settled) ? won(x, bound, settled) : tryFrom(members, i + 1, worse(before, settled, name), x),
      );
    }
    if (decides(proof)) return won(x, bound, proof);
    outcome = worse(outcome, proof, name);
  }
  return outcome;
}

function won(x: Exchange, one: BoundAuthenticator, proof: Proof): Proof {
  x.set(winnerSlot, one);
  return proof;
}

function decides({ kind }: Proof): boolean {
  return kind === 'passed' || kind === 'answered';
}

/** The first refusal stays: its message is about what the client meant most likely. */
function worse(before: Proof, now: Proof, member: string): Proof {
  if (before.kind !== 'absent') return before;
  return now.kind === 'refused' ? { ...now, member } : now;
}

/** One 401 with what each of them would have said in WWW-Authenticate. */
async function allChallenges(all: readonly BoundAuthenticator[], x: Exchange): Promise<Reply> {
  if (all.length === 1) return all[0]!.missing(x);
  const challenges: (readonly [string, string])[] = [];
  for (const one of all) {
    const { headers } = await one.missing(x);
    challenges.push(...headers.filter(([name]) => name.toLowerCase() === 'www-authenticate'));
  }
  return problem(401, 'Missing credentials', challenges);
}
