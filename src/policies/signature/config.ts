import { type Static, Type } from 'typebox';
import type { SecretName } from '../../ir/secret.ts';
import { parseDuration } from '../../lib/duration.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import {
  choice,
  duration,
  exactlyOneOf,
  fields,
  list,
  quantity,
  refined,
  secretRef,
  text,
} from '../../lib/schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import { ALGORITHMS, type Algorithm, createVerifier } from './key.ts';
import type { Demands } from './verify.ts';

const publicKey = text('A public key: PEM, or a JWK as JSON.', { minLength: 1, maxLength: 8192 });

const key = refined(
  exactlyOneOf(
    ['secretRef', 'publicKey'],
    {
      id: text('What signers write as `keyid`.', { minLength: 1, maxLength: 256 }),
      algorithm: choice(ALGORITHMS, 'What the key is for; another one that a request names is refused.'),
      user: Type.Optional(text('Who signs with it; by default the `id`.', { minLength: 1, maxLength: 256 })),
      encoding: Type.Optional(
        choice(
          ['text', 'base64'],
          'How the shared secret of `hmac-sha256` is written in its Secret; by default as text.',
        ),
      ),
      secretRef: Type.Optional(secretRef('key', 'Where the shared secret, or the public key, is kept.')),
      publicKey: Type.Optional(publicKey),
    },
    'A key: a shared secret of a Secret, or a public key.',
  ),
  ({ algorithm, publicKey: pem }) => {
    if (pem === undefined) return null;
    return algorithm === 'hmac-sha256'
      ? 'a shared secret belongs in a Secret'
      : keyProblem(algorithm, Buffer.from(pem));
  },
);

const COMPONENT =
  "^(@(method|target-uri|authority|scheme|request-target|path|query)|[!#$%&'*+\\-.^_`|~0-9a-z]+)$";

export const schema = refined(
  fields(
    {
      keys: list(key, 'Keys with which requests may be signed.', {
        minItems: 1,
        maxItems: 64,
      }),
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
      body: choice(
        ['signed', 'unsigned'],
        'Whether the body must be signed, by `content-digest`; it is then read and compared before it goes on.',
        { default: 'signed' },
      ),
      maxBody: quantity('Largest body that is read to compare it; a larger one gets 413.', '1Mi'),
    },
    'Admits requests that are signed by HTTP Message Signatures (RFC 9421).',
  ),
  ({ keys }) => {
    const ids = keys.map(({ id }) => id);
    const twice = ids.find((id, i) => ids.indexOf(id) < i);
    return twice === undefined ? null : `the key ${twice} is there twice`;
  },
);

type Config = Static<typeof schema>;

export interface ResolvedKey {
  readonly id: string;
  readonly user: string;
  readonly algorithm: Algorithm;
  readonly encoding: 'text' | 'base64';
  /** Null: the Secret is not there, and the rule is closed. */
  readonly material: SecretName | { readonly publicKey: string } | null;
}

export interface SignatureConfig extends Demands {
  /** Whose nonces they are. */
  readonly id: string;
  readonly keys: readonly ResolvedKey[];
  readonly bodySigned: boolean;
  readonly maxBodyBytes: number;
}

export function resolve(config: Config, context: ResolveContext): SignatureConfig {
  return {
    id: context.id,
    keys: config.keys.map((entry, i) => resolveKey(entry, `keys[${i}]`, context)),
    required: config.required,
    tag: config.tag ?? null,
    nonce: config.nonce,
    maxAgeSeconds: Math.ceil(parseDuration(config.maxAge) / 1000),
    leewaySeconds: Math.ceil(parseDuration(config.leeway) / 1000),
    bodySigned: config.body === 'signed',
    maxBodyBytes: parseQuantity(config.maxBody),
  };
}

function resolveKey(entry: Config['keys'][number], field: string, context: ResolveContext): ResolvedKey {
  const { id, algorithm, user = id, encoding = 'text', secretRef: ref, publicKey: pem } = entry;
  const check = (secret: string) => keyProblem(algorithm, keyBytes(secret, algorithm, encoding));
  const material = ref === undefined ? { publicKey: pem! } : context.secret(ref, `${field}.secretRef`, check);
  return { id, user, algorithm, encoding, material };
}

/** Bytes of a key as it is written. */
export function keyBytes(written: string, algorithm: Algorithm, encoding: 'text' | 'base64'): Buffer {
  if (algorithm !== 'hmac-sha256') return Buffer.from(written);
  // A line feed at the end is the editor's, not the secret's.
  return encoding === 'base64'
    ? Buffer.from(written.trim(), 'base64')
    : Buffer.from(written.replace(/\r?\n$/, ''));
}

function keyProblem(algorithm: Algorithm, bytes: Buffer): string | null {
  try {
    createVerifier(algorithm, bytes);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
