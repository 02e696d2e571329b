import { type ExpectedDigest, readContentDigest } from '../../lib/digest.ts';
import {
  ABSENT,
  defineAuthenticator,
  isPromise,
  type Proof,
  quoted,
  refused,
  unauthorized,
} from '../../pipeline/authenticator.ts';
import { type BodyVerdict, verifyBody } from '../../pipeline/body-digest.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Identity } from '../../pipeline/identity.ts';
import { problem } from '../../pipeline/reply.ts';
import { sharedNonces } from '../../state/limits/nonces.ts';
import { resolve, type SignatureConfig, schema } from './config.ts';
import { bindKeys } from './keys.ts';
import { messageOf } from './message.ts';
import { validUntil } from './parameters.ts';
import { type VerifiedSignature, verifySignature } from './verify.ts';

const CHALLENGE = 'Signature';
const TOO_LARGE: Proof = {
  kind: 'refused',
  reason: 'bodyTooLarge',
  reply: problem(413, 'The body is larger than what may be signed.'),
};

/** HTTP Message Signatures (RFC 9421) on requests. */
export const signature = defineAuthenticator({
  name: 'signature',
  summary: 'Admits requests that are signed (RFC 9421), and whose body is what was signed (RFC 9530); 401.',
  reasons: [
    ...(['malformed', 'uncovered', 'expired', 'notYet', 'unknownKey', 'algorithm'] as const),
    ...(['signature', 'body', 'bodyTooLarge', 'replayed'] as const),
  ],
  schema,
  resolve,
  bind(config, env) {
    const keyOf = bindKeys(config, env);
    const nonces = sharedNonces(env.limits, env.threadId);
    const missing = missingReply(config);

    /** Last of all, so that a request that is refused for another reason may be sent again. */
    function admit({ owner, parameters }: VerifiedSignature<Identity>): Proof {
      const { nonce, keyId } = parameters;
      if (nonce === null) return { kind: 'passed', identity: owner };
      const expiresAtMs = validUntil(parameters, config) * 1000;
      const verdict = nonces.use(`${config.id}/${keyId}`, nonce, expiresAtMs, Date.now());
      if (verdict === 'fresh') return { kind: 'passed', identity: owner };
      const why =
        verdict === 'used'
          ? 'its nonce was used before'
          : 'it comes too late to tell whether its nonce is new';
      return refused(`Invalid request signature: ${why}.`, CHALLENGE, 'replayed');
    }

    function afterBody(verified: VerifiedSignature<Identity>, verdict: BodyVerdict): Proof {
      if (verdict === 'tooLarge') return TOO_LARGE;
      if (verdict === 'matches') return admit(verified);
      return refused('Invalid request signature: the body is not what was signed.', CHALLENGE, 'body');
    }

    function checkBody(x: Exchange, verified: VerifiedSignature<Identity>): Proof | Promise<Proof> {
      const expected = promisedBody(x, verified.coversDigest);
      if (expected === null) return admit(verified);
      if (typeof expected === 'string')
        return refused(`Invalid request signature: ${expected}.`, CHALLENGE, 'uncovered');
      const verdict = verifyBody(x.request.body, expected, config.maxBodyBytes);
      return isPromise(verdict)
        ? verdict.then((known) => afterBody(verified, known))
        : afterBody(verified, verdict);
    }

    return {
      authenticate(x) {
        const outcome = verifySignature(messageOf(x), config, keyOf, Math.floor(Date.now() / 1000));
        switch (outcome.kind) {
          case 'verified':
            return config.bodySigned ? checkBody(x, outcome) : admit(outcome);
          case 'missing':
            return ABSENT;
          default:
            return refused(outcome.detail, CHALLENGE, outcome.reason);
        }
      },
      missing: () => missing,
    };
  },
});

/** What the body must hash to; null: there is none, and none was promised. As text: what is wrong. */
function promisedBody(
  { request }: Exchange,
  coversDigest: boolean,
): readonly ExpectedDigest[] | null | string {
  if (!coversDigest)
    return request.body.length === 0 ? null : 'there is a body, and it does not cover content-digest';
  const field = request.header('content-digest')!;
  return readContentDigest(field) ?? 'Content-Digest names neither sha-256 nor sha-512';
}

/** With what a signature needs, in the form that signers can read (RFC 9421 section 5.1). */
function missingReply({ required, tag, nonce, bodySigned }: SignatureConfig) {
  const { headers, ...rest } = unauthorized('Missing request signature.', CHALLENGE);
  const components = required.map(quoted);
  if (bodySigned) components.push('"content-digest"');
  const params = `;created;keyid${nonce === 'required' ? ';nonce' : ''}${tag === null ? '' : `;tag=${quoted(tag)}`}`;
  return {
    ...rest,
    headers: [...headers, ['accept-signature', `sig=(${components.join(' ')})${params}`] as const],
  };
}
