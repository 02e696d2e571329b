import type { ConsumerLimits, ConsumerPolicies } from '../ir/consumer.ts';
import { objectKey } from '../ir/origin.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import {
  type ConsumerSurroundings,
  type Credential,
  type CredentialContext,
  translateCredential,
} from './consumer-credentials.ts';
import { translateConsumerPolicies } from './consumer-policies.ts';
import type { InputObjectOf } from './input.ts';
import { Report } from './report.ts';

export type SourcedConsumer = InputObjectOf<'Consumer'>;

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

/** A Consumer, given what it refers to. A credential that can't be used is left out, with a finding; the others stay. */
export function translateConsumer(
  sourced: SourcedConsumer,
  surroundings: ConsumerSurroundings,
  catalogue: PolicyCatalogue,
): TranslatedConsumer {
  const context: CredentialContext = {
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

function findLimits(
  name: string,
  { surroundings, namespace, report, dependencies }: CredentialContext,
): ConsumerLimits | null {
  const ref = { kind: 'RateLimitPolicy', namespace, name };
  dependencies.add(objectKey(ref));
  const spec = surroundings.referred(objectKey(ref)) as Omit<ConsumerLimits, 'id'> | null;
  if (spec !== null) return { ...spec, id: `${namespace}/${name}` };
  report.note('spec.rateLimit.ref', { code: 'referenceNotFound', ref });
  return null;
}
