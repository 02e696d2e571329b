import { hash } from 'node:crypto';
import type { ConsumerClaim, ConsumerLimits, ConsumerPassword, ConsumerPolicies } from '../ir/consumer.ts';
import { objectKey } from '../ir/origin.ts';
import { parsePassword } from '../lib/password-hash.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import type { Consumer } from '../resources/consumer.ts';
import type { Secret } from '../resources/core/secret.ts';
import { translateConsumerPolicies } from './consumer-policies.ts';
import type { InputObjectOf } from './input.ts';
import { Report } from './report.ts';
import { secretText } from './secrets.ts';

export type SourcedConsumer = InputObjectOf<'Consumer'>;

/** One credential. Two Consumers of a namespace that have one with the same `id` can't both keep it. */
export interface Credential {
  readonly id: string;
  readonly fieldPath: string;
  readonly proof:
    | { readonly kind: 'apiKey'; readonly hash: string }
    | { readonly kind: 'password'; readonly password: ConsumerPassword }
    | { readonly kind: 'claim'; readonly claim: ConsumerClaim }
    | { readonly kind: 'certificate'; readonly subject: string };
}

export interface TranslatedConsumer {
  readonly sourced: SourcedConsumer;
  readonly credentials: readonly Credential[];
  readonly rateLimit: ConsumerLimits | null;
  readonly policies: ConsumerPolicies | null;
  readonly report: Report;
  /** Keys of what it refers to, there or not. */
  readonly dependencies: ReadonlySet<string>;
  /** Texts of the secrets that threads need for it, by their keys. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** What Consumers refer to. */
export interface ConsumerSurroundings {
  /** `spec` of an object by `kind/namespace/name`; null when it is not there. */
  referred(key: string): unknown;
  /** A Secret, by its key; null when it is not there. */
  secret(key: string): Secret | null;
}

/** A Consumer, given what it refers to. A credential that can't be used is left out, with a finding; the others stay. */
export function translateConsumer(
  sourced: SourcedConsumer,
  surroundings: ConsumerSurroundings,
  catalogue: PolicyCatalogue,
): TranslatedConsumer {
  const context: Context = {
    ...{ surroundings, namespace: sourced.ref.namespace, report: new Report(sourced) },
    ...{ dependencies: new Set<string>(), secrets: new Map<string, string>() },
  };
  const { credentials = [], rateLimit } = sourced.object.spec;
  const usable = credentials.map((credential, index) =>
    translateCredential(credential, `spec.credentials[${index}]`, context),
  );
  const { report, dependencies, secrets } = context;
  return {
    ...{ sourced, report, dependencies, secrets },
    credentials: usable.filter((one) => one !== null),
    rateLimit: rateLimit === undefined ? null : findLimits(rateLimit.ref, context),
    policies: translateConsumerPolicies(sourced.object.spec, {
      ...{ catalogue, secrets, report, namespace: sourced.ref.namespace },
      referred: (key) => {
        dependencies.add(key);
        return surroundings.referred(key);
      },
      secret: (key) => {
        dependencies.add(key);
        return surroundings.secret(key);
      },
    }),
  };
}

interface Context {
  readonly surroundings: ConsumerSurroundings;
  readonly namespace: string;
  readonly report: Report;
  readonly dependencies: Set<string>;
  readonly secrets: Map<string, string>;
}

type CredentialSpec = NonNullable<Consumer['spec']['credentials']>[number];

function translateCredential(spec: CredentialSpec, at: string, context: Context): Credential | null {
  const { apiKey, jwt, basic, certificate } = spec;
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
      const ref = { kind: 'Secret', namespace: context.namespace, name: basic.secretRef.name };
      const message = 'has a password hash of a form that is not known, or that costs too much to check';
      context.report.note(`${at}.basic.secretRef.key`, { code: 'secretRefused', ref, message });
      return null;
    }
    context.secrets.set(found.key, found.text);
    const password = { user: basic.username, secret: found.key };
    return {
      id: `basic ${basic.username}`,
      fieldPath: `${at}.basic.username`,
      proof: { kind: 'password', password },
    };
  }
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
  { surroundings, namespace, report, dependencies }: Context,
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

function findLimits(
  name: string,
  { surroundings, namespace, report, dependencies }: Context,
): ConsumerLimits | null {
  const ref = { kind: 'RateLimitPolicy', namespace, name };
  dependencies.add(objectKey(ref));
  const spec = surroundings.referred(objectKey(ref)) as Omit<ConsumerLimits, 'id'> | null;
  if (spec !== null) return { ...spec, id: `${namespace}/${name}` };
  report.note('spec.rateLimit.ref', { code: 'referenceNotFound', ref });
  return null;
}
