import { hash } from 'node:crypto';
import type { ConsumerClaim, ConsumerPassword, ConsumerSigningKey } from '../ir/consumer.ts';
import { objectKey } from '../ir/origin.ts';
import type { SecretName } from '../ir/secret.ts';
import { parsePassword } from '../lib/password-hash.ts';
import { hmacSecretProblem, signingKeyProblem } from '../lib/signing-key.ts';
import type { Consumer } from '../resources/consumer.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { Report } from './report.ts';
import { secretText } from './secrets.ts';

/** One credential. Two Consumers of a namespace that have one with the same `id` can't both keep it. */
export interface Credential {
  readonly id: string;
  readonly fieldPath: string;
  readonly proof:
    | { readonly kind: 'apiKey'; readonly hash: string }
    | { readonly kind: 'password'; readonly password: ConsumerPassword }
    | { readonly kind: 'claim'; readonly claim: ConsumerClaim }
    | { readonly kind: 'signer'; readonly signer: ConsumerPassword }
    | { readonly kind: 'signingKey'; readonly key: ConsumerSigningKey }
    | { readonly kind: 'certificate'; readonly subject: string };
}

/** What Consumers refer to. */
export interface ConsumerSurroundings {
  /** `spec` of an object by `kind/namespace/name`; null when it is not there. */
  referred(key: string): unknown;
  /** A Secret, by its key; null when it is not there. */
  secret(key: string): Secret | null;
}

export interface CredentialContext {
  readonly surroundings: ConsumerSurroundings;
  readonly namespace: string;
  readonly report: Report;
  readonly dependencies: Set<string>;
  readonly secrets: Map<string, string>;
}

type CredentialSpec = NonNullable<Consumer['spec']['credentials']>[number];

/** Null: it can't be used, which is told. */
export function translateCredential(
  spec: CredentialSpec,
  at: string,
  context: CredentialContext,
): Credential | null {
  const { apiKey, jwt, basic, hmac, signature, certificate } = spec;
  if (apiKey !== undefined) {
    const found = findText(apiKey.secretRef, `${at}.apiKey.secretRef`, context);
    if (found === null) return null;
    const digest = apiKeyHash(found.text);
    return { id: `apiKey ${digest}`, fieldPath: `${at}.apiKey`, proof: { kind: 'apiKey', hash: digest } };
  }
  if (basic !== undefined) {
    const found = findText(basic.secretRef, `${at}.basic.secretRef`, context);
    if (found === null) return null;
    if (parsePassword(found.text) === null) {
      const message = 'has a password hash of a form that is not known, or that costs too much to check';
      return refuse(basic.secretRef.name, `${at}.basic.secretRef.key`, message, context);
    }
    context.secrets.set(found.key, found.text);
    const password = { user: basic.username, secret: found.key };
    return {
      id: `basic ${basic.username}`,
      fieldPath: `${at}.basic.username`,
      proof: { kind: 'password', password },
    };
  }
  if (hmac !== undefined) {
    const secret = findKey(hmac.secretRef, `${at}.hmac.secretRef`, hmacSecretProblem, context);
    if (secret === null) return null;
    const proof = { kind: 'signer', signer: { user: hmac.username, ...secret } } as const;
    return { id: `hmac ${hmac.username}`, fieldPath: `${at}.hmac.username`, proof };
  }
  if (signature !== undefined) return translateSigningKey(signature, `${at}.signature`, context);
  if (jwt !== undefined) {
    const { claim, equals } = jwt;
    const id = `jwt ${claim.length} ${claim} ${equals}`;
    return { id, fieldPath: `${at}.jwt`, proof: { kind: 'claim', claim: { claim, equals } } };
  }
  const { subject } = certificate!;
  return {
    id: `certificate ${subject}`,
    fieldPath: `${at}.certificate.subject`,
    proof: { kind: 'certificate', subject },
  };
}

function translateSigningKey(
  { keyId, algorithm, encoding = 'text', secretRef, publicKey }: NonNullable<CredentialSpec['signature']>,
  at: string,
  context: CredentialContext,
): Credential | null {
  const problem = (text: string) => signingKeyProblem(algorithm, text, encoding);
  const material =
    secretRef === undefined
      ? { publicKey: publicKey! }
      : findKey(secretRef, `${at}.secretRef`, problem, context);
  if (material === null) return null;
  const key = { keyId, algorithm, encoding, material };
  return { id: `signature ${keyId}`, fieldPath: `${at}.keyId`, proof: { kind: 'signingKey', key } };
}

/** A secret that threads need, once it is known to be of use. */
function findKey(
  ref: { readonly name: string; readonly key: string },
  at: string,
  problem: (text: string) => string | null,
  context: CredentialContext,
): SecretName | null {
  const found = findText(ref, at, context);
  if (found === null) return null;
  const message = problem(found.text);
  if (message !== null) return refuse(ref.name, `${at}.key`, message, context);
  context.secrets.set(found.key, found.text);
  return { secret: found.key };
}

function refuse(name: string, at: string, message: string, { namespace, report }: CredentialContext): null {
  report.note(at, { code: 'secretRefused', ref: { kind: 'Secret', namespace, name }, message });
  return null;
}

const HASHED = /^sha256:([0-9a-f]{64})$/i;

/** SHA-256 of a key, base64url. A Secret may hold it in place of the key: `sha256:` and 64 hexadecimal digits. */
function apiKeyHash(text: string): string {
  const hashed = HASHED.exec(text)?.[1];
  if (hashed !== undefined) return Buffer.from(hashed, 'hex').toString('base64url');
  return hash('sha256', text, 'base64url');
}

function findText(
  { name, key }: { readonly name: string; readonly key: string },
  at: string,
  { surroundings, namespace, report, dependencies }: CredentialContext,
): { readonly key: string; readonly text: string } | null {
  const ref = { kind: 'Secret', namespace, name };
  const object = objectKey(ref);
  dependencies.add(object);
  const secret = surroundings.secret(object);
  if (secret === null) {
    report.note(`${at}.name`, { code: 'referenceNotFound', ref });
    return null;
  }
  const found = secretText(secret, key);
  if (found.ok && found.text !== '') return { key: `${object}/${key}`, text: found.text };
  const message = found.ok ? `has nothing under its key "${key}"` : found.message;
  report.note(`${at}.key`, { code: 'secretRefused', ref, message });
  return null;
}
