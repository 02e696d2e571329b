import { createSecretKey, randomBytes } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { type ExpectedDigest, readContentDigest, readLegacyDigest } from '../../lib/digest.ts';
import { parseDuration } from '../../lib/duration.ts';
import {
  choice,
  duration,
  fields,
  firstTwice,
  list,
  refined,
  secretRef,
  text,
  token,
} from '../../lib/schema.ts';
import { hmacSecretProblem } from '../../lib/signing-key.ts';
import { resolveSignedBody, type SignedBody, signedBodyFields } from '../../lib/signing-schema.ts';
import {
  ABSENT,
  defineAuthenticator,
  isPromise,
  type Proof,
  refused,
  unauthorized,
} from '../../pipeline/authenticator.ts';
import { type BodyVerdict, verifyBody } from '../../pipeline/body-digest.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { headerPlace, stripAll } from '../../pipeline/place.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import type { RefusalReason } from '../../pipeline/refusal.ts';
import { problem } from '../../pipeline/reply.ts';
import { type HmacCredentials, parseCredentials } from './credentials.ts';
import { bindSigners, type SignersConfig } from './signers.ts';
import {
  HASHES,
  type HmacAlgorithm,
  type HmacMessage,
  isHmacAlgorithm,
  matches,
  signedDateMs,
} from './verify.ts';

const ALGORITHMS = Object.keys(HASHES) as HmacAlgorithm[];

const schema = refined(
  fields(
    {
      users: Type.Optional(
        list(
          fields(
            {
              username: text('Name of the user, as written in the signature.', {
                minLength: 1,
                maxLength: 256,
              }),
              secretRef: secretRef('secret', 'Where the secret that the user shares is kept.'),
            },
            'Somebody who signs.',
          ),
          'Who may sign; without them, Consumers of the same namespace.',
          { minItems: 1, maxItems: 64 },
        ),
      ),
      algorithms: list(choice(ALGORITHMS, 'Name of an algorithm.'), 'Algorithms that may be used.', {
        minItems: 1,
        maxItems: 4,
        default: ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'],
      }),
      required: list(
        token('`request-line`, or the name of a header.'),
        'What must be signed, besides the date. `@request-target` counts for `request-line`.',
        { maxItems: 32, default: ['request-line'] },
      ),
      clockSkew: duration('How far the signed date may be from our clock, in both directions.', '5m'),
      ...signedBodyFields('`Digest` or `Content-Digest`'),
    },
    'Admits requests that are signed with a shared secret, in the form that Kong calls `hmac-auth`.',
  ),
  ({ users = [] }) => {
    const twice = firstTwice(users.map(({ username }) => username));
    return twice === undefined ? null : `the user ${twice} is there twice`;
  },
);

type Config = Static<typeof schema>;

interface HmacConfig extends SignedBody, SignersConfig {
  readonly algorithms: readonly string[];
  /** Lower case. */
  readonly required: readonly string[];
  readonly clockSkewMs: number;
}

const CHALLENGE = 'hmac realm="gateway"';
const MISSING = unauthorized('Missing HMAC signature.', CHALLENGE);
const EXPIRED = refused('HMAC signature expired: its date is too far from now.', CHALLENGE, 'expired');
const UNKNOWN = refused('Invalid HMAC signature.', CHALLENGE, 'unknownUser');
const NO_MATCH = refused('Invalid HMAC signature.', CHALLENGE, 'signature');
const TOO_LARGE: Proof = {
  kind: 'refused',
  reason: 'bodyTooLarge',
  reply: problem(413, 'The body is larger than what may be signed.'),
};

/** A header that signs for more than its own name. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  'request-line': ['@request-target', '(request-target)'],
};

function resolve(config: Config, context: ResolveContext): HmacConfig {
  return {
    namespace: context.namespace,
    users:
      config.users?.map(({ username, secretRef: ref }, i) => ({
        username,
        secret: context.secret(ref, `users[${i}].secretRef`, hmacSecretProblem),
      })) ?? null,
    algorithms: config.algorithms,
    required: config.required.map((name) => name.toLowerCase()),
    clockSkewMs: parseDuration(config.clockSkew),
    ...resolveSignedBody(config),
  };
}

export const hmac = defineAuthenticator({
  name: 'hmac',
  summary: 'Admits requests that are signed with a shared secret, as hmac-auth of Kong does; 401.',
  reasons: [
    'malformed',
    'algorithm',
    'uncovered',
    'expired',
    'unknownUser',
    'signature',
    'body',
    'bodyTooLarge',
  ],
  schema,
  resolve,
  bind(config, env) {
    const signerOf = bindSigners(config, env);
    // Of a user that is not known, so that it takes as long to refuse one.
    const nobody = createSecretKey(randomBytes(32));

    function judge(credentials: HmacCredentials, message: HmacMessage): Proof {
      const { algorithm, username } = credentials;
      const wrong = credentialsProblem(credentials, config);
      if (wrong !== null) return invalid(...wrong);
      const dateMs = signedDateMs(credentials.headers, message);
      if (dateMs === null) return invalid('it covers no Date or X-Date', 'uncovered');
      if (Math.abs(Date.now() - dateMs) > config.clockSkewMs) return EXPIRED;
      const signer = signerOf(username);
      const holds = matches(credentials, algorithm as HmacAlgorithm, signer?.key ?? nobody, message);
      if (signer === null) return UNKNOWN;
      return holds ? { kind: 'passed', identity: signer.identity } : NO_MATCH;
    }

    return {
      authenticate(x) {
        const signed = hmacOf(x);
        if (signed === null) return ABSENT;
        const credentials = parseCredentials(signed);
        if (credentials === null) return invalid("it can't be read", 'malformed');
        const proof = judge(credentials, x.request);
        return proof.kind === 'passed' && config.bodySigned
          ? checkBody(x, credentials, proof, config)
          : proof;
      },
      missing: () => MISSING,
      strip: ({ request }) => stripAll(CARRIERS, request),
    };
  },
});

/** For a proxy goes before for the backend, as in Kong. */
const CARRIERS = ['proxy-authorization', 'authorization'].map((name) => headerPlace(name, 'hmac'));

function hmacOf(x: Exchange): string | null {
  for (const { read, credentialIn } of CARRIERS) {
    const value = read(x);
    const signed = value === null ? null : credentialIn(value);
    if (signed !== null) return signed;
  }
  return null;
}

type Wrong = readonly [why: string, reason: RefusalReason];

function invalid(...[why, reason]: Wrong): Proof {
  return refused(`Invalid HMAC signature: ${why}.`, CHALLENGE, reason);
}

function credentialsProblem({ algorithm, headers }: HmacCredentials, config: HmacConfig): Wrong | null {
  if (!isHmacAlgorithm(algorithm) || !config.algorithms.includes(algorithm))
    return ['its algorithm is not allowed', 'algorithm'];
  for (const name of config.required)
    if (!covers(headers, name)) return [`it does not cover ${name}`, 'uncovered'];
  return null;
}

function covers(headers: readonly string[], name: string): boolean {
  const signed = (other: string) => headers.some((header) => header.toLowerCase() === other);
  return signed(name) || (STANDS_FOR[name]?.some(signed) ?? false);
}

function checkBody(
  x: Exchange,
  credentials: HmacCredentials,
  passed: Proof,
  { maxBodyBytes }: HmacConfig,
): Proof | Promise<Proof> {
  const expected = promisedBody(x, credentials.headers);
  if (expected === null) return passed;
  if (typeof expected === 'string') return invalid(expected, 'uncovered');
  const settle = (verdict: BodyVerdict): Proof => {
    if (verdict === 'tooLarge') return TOO_LARGE;
    if (verdict === 'matches') return passed;
    return invalid('the body is not what was signed', 'body');
  };
  const verdict = verifyBody(x.request.body, expected, maxBodyBytes);
  return isPromise(verdict) ? verdict.then(settle) : settle(verdict);
}

/** As in the policy `signature`, by the older field of the two. */
function promisedBody(
  { request }: Exchange,
  headers: readonly string[],
): readonly ExpectedDigest[] | null | string {
  for (const [name, read] of [
    ['content-digest', readContentDigest],
    ['digest', readLegacyDigest],
  ] as const) {
    const field = covers(headers, name) ? request.header(name) : null;
    if (field !== null) return read(field) ?? `${name} names neither SHA-256 nor SHA-512`;
  }
  return request.body.length === 0 ? null : 'there is a body, and it covers no Digest';
}
