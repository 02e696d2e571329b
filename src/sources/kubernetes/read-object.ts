import type { Finding } from '../../ir/finding.ts';
import type { ObjectRef } from '../../ir/origin.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { SourcedObject } from '../source.ts';
import type { KubeMeta, KubeObject } from './client/object.ts';
import { isOwnKind, KINDS } from './kinds.ts';

/** What became of one object of the API server. */
export interface ReadObject {
  readonly ref: ObjectRef;
  /** Differs when the content does, but not when only the status does. */
  readonly version: string;
  /** null when it does not fit its schema. */
  readonly good: SourcedObject | null;
  readonly findings: readonly Finding[];
}

/** Metadata that is read; the rest, such as `managedFields`, would only take memory. */
const META = [
  'name',
  'namespace',
  'labels',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
] as const;

/** The version of an object: see {@link ReadObject}. A status of ours does not count as a change of ours. */
export function versionOf(kind: ResourceKind, { uid, generation, resourceVersion }: KubeMeta): string {
  return isOwnKind(kind) && generation !== undefined
    ? `${uid ?? ''}/${generation}`
    : `${uid ?? ''}@${resourceVersion ?? ''}`;
}

/** Validates an object by the same rules as one of a file. Defaults are written into a copy. */
export function readObject(
  kind: ResourceKind,
  object: KubeObject,
  validators: ResourceValidators,
): ReadObject {
  const { metadata } = object;
  const ref: ObjectRef = { kind, namespace: metadata.namespace ?? '', name: metadata.name };
  const version = versionOf(kind, metadata);
  const { status: _, metadata: __, ...content } = object;
  // A list's items come without kind and apiVersion.
  const { apiVersion } = KINDS[kind];
  const candidate = { ...content, apiVersion, kind, metadata: keptMeta(metadata) };
  const origin = (fieldPath: string) => ({ object: ref, fieldPath, location: null });
  const validation = validators.validate(kind, candidate);
  if (!validation.ok) {
    const findings = validation.errors.map(
      ({ fieldPath, message }): Finding => ({ code: 'invalid', origin: origin(fieldPath), message }),
    );
    return { ref, version, good: null, findings };
  }
  const good = { kind, ref, object: validation.value, version, origin } as SourcedObject;
  return { ref, version, good, findings: [] };
}

function keptMeta(metadata: KubeMeta): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const field of META) if (metadata[field] !== undefined) kept[field] = metadata[field];
  return kept;
}
