import type { Algorithm, Verifier } from '../../lib/signing-key.ts';
import type { InnerList, Member } from '../../lib/structured-fields/model.ts';
import { parseDictionary, StructuredFieldError } from '../../lib/structured-fields/parse.ts';
import type { RefusalReason } from '../../pipeline/refusal.ts';
import { ComponentError, type SignedMessage, signatureBase } from './components.ts';
import { coverageProblem } from './coverage.ts';
import { readParameters, type SignatureParameters, timeProblem } from './parameters.ts';

/** Each candidate may cost a verification. */
const MAX_CANDIDATES = 4;

/** A key that a signature may name. `T` is what the gateway knows of its owner. */
export interface SignatureKey<T> {
  readonly algorithm: Algorithm;
  readonly verify: Verifier;
  readonly owner: T;
}

/** What a signature must be like, besides true. */
export interface Demands {
  /** Components that must be covered. */
  readonly required: readonly string[];
  /** Only signatures with this tag count; null: any. */
  readonly tag: string | null;
  readonly nonce: 'required' | 'optional';
  readonly maxAgeSeconds: number;
  readonly leewaySeconds: number;
}

export interface VerifiedSignature<T> {
  readonly kind: 'verified';
  readonly owner: T;
  readonly parameters: SignatureParameters;
  /** The value of Content-Digest is signed, as a whole. */
  readonly coversDigest: boolean;
}

/** `detail` is for the client: it never tells more than its own request and what is asked of it. */
export interface SignatureRefusal {
  readonly kind: 'missing' | 'expired' | 'invalid';
  readonly detail: string;
  readonly reason: RefusalReason;
}

const MISSING: SignatureRefusal = {
  kind: 'missing',
  detail: 'Missing request signature.',
  reason: 'missing',
};

const invalid = (why: string, reason: RefusalReason = 'malformed'): SignatureRefusal => ({
  kind: 'invalid',
  reason,
  detail: `Invalid request signature: ${why}.`,
});

/**
 * RFC 9421 section 3.2. Of several signatures one that holds is enough; when none does, the first says why.
 * @param keyOf the key of a `keyid`; undefined when there is none
 */
export function verifySignature<T>(
  message: SignedMessage,
  demands: Demands,
  keyOf: (keyId: string) => SignatureKey<T> | undefined,
  nowSeconds: number,
): VerifiedSignature<T> | SignatureRefusal {
  const inputLines = message.headerLines('signature-input');
  const signatureLines = message.headerLines('signature');
  if (inputLines.length === 0 && signatureLines.length === 0) return MISSING;
  try {
    const inputs = parseDictionary(inputLines.join(', '));
    const signatures = parseDictionary(signatureLines.join(', '));
    const candidates = candidatesOf(inputs, demands.tag);
    if (candidates.length === 0) return MISSING;
    if (candidates.length > MAX_CANDIDATES) return invalid(`there are more than ${MAX_CANDIDATES}`);
    let first: SignatureRefusal | null = null;
    for (const [label, input] of candidates) {
      const outcome = verifyOne(input, signatures.get(label), message, demands, keyOf, nowSeconds);
      if (outcome.kind === 'verified') return outcome;
      first ??= outcome;
    }
    return first!;
  } catch (error) {
    if (error instanceof StructuredFieldError) {
      return invalid(`Signature-Input or Signature can't be read: ${error.message}`);
    }
    throw error;
  }
}

type Candidate = readonly [label: string, input: Member];

function candidatesOf(inputs: ReadonlyMap<string, Member>, tag: string | null): readonly Candidate[] {
  const all = [...inputs];
  return tag === null ? all : all.filter(([, input]) => input.params.get('tag')?.value === tag);
}

function verifyOne<T>(
  input: Member,
  signature: Member | undefined,
  message: SignedMessage,
  demands: Demands,
  keyOf: (keyId: string) => SignatureKey<T> | undefined,
  nowSeconds: number,
): VerifiedSignature<T> | SignatureRefusal {
  if (input.kind !== 'innerList') return invalid('Signature-Input has no list of components');
  if (signature?.kind !== 'item' || signature.bare.kind !== 'bytes') return invalid('it is not in Signature');
  const parameters = readParameters(input.params);
  if (typeof parameters === 'string') return invalid(parameters);
  const late = timeProblem(parameters, demands, nowSeconds);
  if (late !== null)
    return late.expired
      ? { kind: 'expired', detail: late.detail, reason: 'expired' }
      : invalid(late.detail, 'notYet');
  if (demands.nonce === 'required' && parameters.nonce === null)
    return invalid('it has no nonce', 'uncovered');
  const uncovered = coverageProblem(input, demands.required);
  if (uncovered !== null) return invalid(uncovered, 'uncovered');
  const key = keyOf(parameters.keyId);
  // The key says what it is for; a message that chose would choose what suits its forger.
  if (key === undefined || (parameters.algorithm ?? key.algorithm) !== key.algorithm) {
    return invalid(
      'its key is not known, or not for this algorithm',
      key === undefined ? 'unknownKey' : 'algorithm',
    );
  }
  const base = baseOf(input, message);
  if (typeof base !== 'string') return base;
  if (!key.verify(Buffer.from(base, 'latin1'), signature.bare.value))
    return invalid('it does not match', 'signature');
  const coversDigest = coverageProblem(input, ['content-digest']) === null;
  return { kind: 'verified', owner: key.owner, parameters, coversDigest };
}

/** A field that can't be read is the sender's fault as much as one that is missing. */
function baseOf(input: InnerList, message: SignedMessage): string | SignatureRefusal {
  try {
    return signatureBase(input, message);
  } catch (error) {
    if (error instanceof ComponentError || error instanceof StructuredFieldError)
      return invalid(error.message);
    throw error;
  }
}
