import { type Static, Type } from 'typebox';
import type { SecretName } from '../../ir/secret.ts';
import { parseDuration } from '../../lib/duration.ts';
import { choice, duration, exactlyOneOf, fields, firstTwice, list, refined, text } from '../../lib/schema.ts';
import { type Algorithm, type SecretEncoding, signingKeyProblem } from '../../lib/signing-key.ts';
import {
  resolveSignedBody,
  type SignedBody,
  signedBodyFields,
  signingKeyFault,
  signingKeyFields,
} from '../../lib/signing-schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import type { Demands } from './verify.ts';

const key = refined(
  exactlyOneOf(
    ['secretRef', 'publicKey'],
    {
      id: text('What signers write as `keyid`.', { minLength: 1, maxLength: 256 }),
      ...signingKeyFields,
      user: Type.Optional(text('Who signs with it; by default the `id`.', { minLength: 1, maxLength: 256 })),
    },
    'A key: a shared secret of a Secret, or a public key.',
  ),
  signingKeyFault,
);

const COMPONENT =
  "^(@(method|target-uri|authority|scheme|request-target|path|query)|[!#$%&'*+\\-.^_`|~0-9a-z]+)$";

export const schema = refined(
  fields(
    {
      keys: Type.Optional(
        list(
          key,
          'Keys with which requests may be signed; without them, those of Consumers of the same namespace.',
          {
            minItems: 1,
            maxItems: 64,
          },
        ),
      ),
      required: list(
        text(
          '`@method`, `@authority`, `@path`, `@query`, `@target-uri`, or the name of a header in lower case.',
          {
            minLength: 1,
            maxLength: 256,
            pattern: COMPONENT,
          },
        ),
        'What must be signed. `@target-uri` also counts for its parts.',
        { maxItems: 32, default: ['@method', '@authority', '@path', '@query'] },
      ),
      tag: Type.Optional(text('Only signatures with this tag count.', { minLength: 1, maxLength: 256 })),
      maxAge: duration('How old a signature may be.', '5m'),
      leeway: duration('How far the clocks of signers may be off.', '30s'),
      nonce: choice(
        ['optional', 'required'],
        'Whether a signature needs a nonce. One that has a nonce is taken once only.',
        { default: 'optional' },
      ),
      ...signedBodyFields('`content-digest`'),
    },
    'Admits requests that are signed by HTTP Message Signatures (RFC 9421).',
  ),
  ({ keys = [] }) => {
    const twice = firstTwice(keys.map(({ id }) => id));
    return twice === undefined ? null : `the key ${twice} is there twice`;
  },
);

type Config = Static<typeof schema>;

export interface ResolvedKey {
  readonly id: string;
  readonly user: string;
  readonly algorithm: Algorithm;
  readonly encoding: SecretEncoding;
  /** Null: the Secret is not there, and the rule is closed. */
  readonly material: SecretName | { readonly publicKey: string } | null;
}

export interface SignatureConfig extends Demands, SignedBody {
  /** Whose nonces they are. */
  readonly id: string;
  /** Null: those of the Consumers of `namespace`. */
  readonly keys: readonly ResolvedKey[] | null;
  readonly namespace: string;
}

export function resolve(config: Config, context: ResolveContext): SignatureConfig {
  const { namespace } = context;
  return {
    ...{ id: context.id, namespace },
    keys: config.keys?.map((entry, i) => resolveKey(entry, `keys[${i}]`, context)) ?? null,
    required: config.required,
    tag: config.tag ?? null,
    nonce: config.nonce,
    maxAgeSeconds: Math.ceil(parseDuration(config.maxAge) / 1000),
    leewaySeconds: Math.ceil(parseDuration(config.leeway) / 1000),
    ...resolveSignedBody(config),
  };
}

function resolveKey(
  entry: NonNullable<Config['keys']>[number],
  field: string,
  context: ResolveContext,
): ResolvedKey {
  const { id, algorithm, user = id, encoding = 'text', secretRef: ref, publicKey: pem } = entry;
  const check = (secret: string) => signingKeyProblem(algorithm, secret, encoding);
  const material = ref === undefined ? { publicKey: pem! } : context.secret(ref, `${field}.secretRef`, check);
  return { id, user, algorithm, encoding, material };
}
