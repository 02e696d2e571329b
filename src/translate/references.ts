import type { Finding } from '../ir/finding.ts';
import { objectKey } from '../ir/origin.ts';
import type { ResourceKind } from '../resources/kinds.ts';
import type { InputObject, InputObjectOf } from './input.ts';
import { Report } from './report.ts';

type Lookup = (kind: ResourceKind, namespace: string, name: string) => InputObject | undefined;

/** References of a Consumer to objects that are not there. */
export function checkConsumer(consumer: InputObjectOf<'Consumer'>, lookup: Lookup): readonly Finding[] {
  const report = new Report(consumer);
  const { namespace } = consumer.ref;
  const { rateLimit, credentials = [] } = consumer.object.spec;
  const check = (kind: ResourceKind, name: string, at: string): InputObject | undefined => {
    const found = lookup(kind, namespace, name);
    if (found === undefined) report.note(at, { code: 'referenceNotFound', ref: { kind, namespace, name } });
    return found;
  };
  if (rateLimit !== undefined) check('RateLimitPolicy', rateLimit.ref, 'spec.rateLimit.ref');
  credentials.forEach((credential, index) => {
    const [how, secretRef] =
      credential.apiKey === undefined
        ? ['basic', credential.basic?.secretRef]
        : ['apiKey', credential.apiKey.secretRef];
    if (secretRef === undefined) return;
    const at = `spec.credentials[${index}].${how}.secretRef`;
    const secret = check('Secret', secretRef.name, `${at}.name`);
    if (secret?.kind !== 'Secret' || hasKey(secret, secretRef.key)) return;
    const message = `${objectKey(secret.ref)} has no key "${secretRef.key}"`;
    report.note(`${at}.key`, { code: 'invalid', message });
  });
  return report.findings;
}

function hasKey({ object }: InputObjectOf<'Secret'>, key: string): boolean {
  return Object.hasOwn(object.data ?? {}, key) || Object.hasOwn(object.stringData ?? {}, key);
}
