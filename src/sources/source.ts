import type { Finding } from '../ir/finding.ts';
import type { ObjectRef, Origin } from '../ir/origin.ts';
import type { ResourceByKind, ResourceKind } from '../resources/kinds.ts';

/** A validated object of one kind, with where it was written. */
export interface SourcedObjectOf<K extends ResourceKind> {
  readonly kind: K;
  readonly ref: ObjectRef;
  /** Validated, defaults filled in. Never changed after it was handed out. */
  readonly object: ResourceByKind[K];
  /** Differs whenever the content does: `resourceVersion`, or a digest of the text. */
  readonly version: string;
  /** Where a field was written: `spec.rules[0].backends[1]`; empty for the object. May read the text again: for messages. */
  origin(fieldPath: string): Origin;
}

/** Discriminated by `kind`. */
export type SourcedObject = { [K in ResourceKind]: SourcedObjectOf<K> }[ResourceKind];

/**
 * What is different since the last change. An object that turned bad is in `findings` and in neither list:
 * its last good version stands until it is mended or removed.
 */
export interface ResourceChange {
  readonly upsert: readonly SourcedObject[];
  readonly remove: readonly ObjectRef[];
  /** All findings of the source as of now, not only the new ones. */
  readonly findings: readonly Finding[];
}

/** Where resources come from. Every implementation passes `test/contract/resource-source.ts`. */
export interface ResourceSource {
  /**
   * Resolves after the first change, which holds all objects, was handed to `onChange`.
   * @throws Error when the source can't be read at all (no such folder).
   */
  start(onChange: (change: ResourceChange) => void): Promise<void>;
  /** No call of `onChange` after it resolved; nothing is left open. */
  stop(): Promise<void>;
}
