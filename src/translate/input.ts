import type { Finding } from '../ir/finding.ts';
import type { ObjectRef, Origin } from '../ir/origin.ts';
import type { ResourceByKind, ResourceKind } from '../resources/kinds.ts';

/** What translation asks of an object; every source hands out more. */
export interface InputObjectOf<K extends ResourceKind> {
  readonly kind: K;
  readonly ref: ObjectRef;
  /** Validated, defaults filled in. */
  readonly object: ResourceByKind[K];
  /** Where a field was written. It may read the text again, so only messages ask for fields. */
  origin(fieldPath: string): Origin;
}

/** Discriminated by `kind`. */
export type InputObject = { [K in ResourceKind]: InputObjectOf<K> }[ResourceKind];

/** What is different since the last time; see `ResourceChange` of the sources. */
export interface Input {
  readonly upsert: readonly InputObject[];
  readonly remove: readonly ObjectRef[];
  /** What the source has found, all of it. */
  readonly findings: readonly Finding[];
}
