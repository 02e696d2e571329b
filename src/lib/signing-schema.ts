import { type Static, Type } from 'typebox';
import { parseQuantity } from './quantity.ts';
import { choice, quantity, secretRef, text } from './schema.ts';
import { ALGORITHMS, signingKeyProblem } from './signing-key.ts';

/** Fields of policies that admit signed requests. */
export function signedBodyFields(fields: string) {
  return {
    body: choice(
      ['signed', 'unsigned'],
      `Whether the body must be signed, by ${fields}; it is then read and compared before it goes on.`,
      { default: 'signed' },
    ),
    maxBody: quantity('Largest body that is read to compare it; a larger one gets 413.', '1Mi'),
  };
}

export interface SignedBody {
  readonly bodySigned: boolean;
  readonly maxBodyBytes: number;
}

export function resolveSignedBody(config: {
  readonly body: 'signed' | 'unsigned';
  readonly maxBody: string | number;
}): SignedBody {
  return { bodySigned: config.body === 'signed', maxBodyBytes: parseQuantity(config.maxBody) };
}

/** Fields of a key for HTTP Message Signatures, besides its name; exactly one of `secretRef` and `publicKey`. */
export const signingKeyFields = {
  algorithm: choice(ALGORITHMS, 'What the key is for; another one that a request names is refused.'),
  encoding: Type.Optional(
    choice(
      ['text', 'base64'],
      'How the shared secret of `hmac-sha256` is written in its Secret; by default as text.',
    ),
  ),
  secretRef: Type.Optional(secretRef('key', 'Where the shared secret, or the public key, is kept.')),
  publicKey: Type.Optional(text('A public key: PEM, or a JWK as JSON.', { minLength: 1, maxLength: 8192 })),
};

type SigningKey = { readonly [K in 'algorithm']: Static<(typeof signingKeyFields)[K]> } & {
  readonly publicKey?: string;
};

/** Refinement of such a key: null, or what is wrong. */
export function signingKeyFault({ algorithm, publicKey }: SigningKey): string | null {
  if (publicKey === undefined) return null;
  return algorithm === 'hmac-sha256'
    ? 'a shared secret belongs in a Secret'
    : signingKeyProblem(algorithm, publicKey, 'text');
}
