import { type ObjectRef, objectKey } from '../../ir/origin.ts';
import type { KubeObject } from './client/object.ts';
import type { OwnKind } from './kinds.ts';
import { versionOf } from './read-object.ts';
import type { ReflectorDelta } from './reflector.ts';

/** One object of ours as the API server has it: what a writer of its status compares with. */
export interface ObservedObject {
  readonly ref: ObjectRef & { readonly kind: OwnKind };
  readonly uid: string;
  readonly generation: number;
  /** See `versionOf`. */
  readonly version: string;
  /** `status` as it was last seen, whoever wrote it. */
  readonly status: unknown;
}

/** The status of every object of ours, as the watches tell it. */
export class ObservedStatus {
  readonly #objects = new Map<string, ObservedObject>();
  #onChange: (key: string) => void = () => {};

  get(key: string): ObservedObject | undefined {
    return this.#objects.get(key);
  }

  all(): Iterable<ObservedObject> {
    return this.#objects.values();
  }

  /** An object came, changed (its status counts here) or went. */
  onChange(listener: (key: string) => void): void {
    this.#onChange = listener;
  }

  /** What a write of ours has made of the status: the watch tells the same a moment later. */
  wrote(key: string, uid: string, status: unknown): void {
    const object = this.#objects.get(key);
    if (object?.uid === uid) this.#objects.set(key, { ...object, status });
  }

  apply(kind: OwnKind, delta: ReflectorDelta): void {
    for (const ref of delta.remove) {
      this.#objects.delete(objectKey(ref));
      this.#onChange(objectKey(ref));
    }
    for (const object of delta.upsert) {
      const observed = observe(kind, object);
      this.#objects.set(objectKey(observed.ref), observed);
      this.#onChange(objectKey(observed.ref));
    }
  }
}

function observe(kind: OwnKind, { metadata, status }: KubeObject): ObservedObject {
  return {
    ref: { kind, namespace: metadata.namespace ?? '', name: metadata.name },
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    version: versionOf(kind, metadata),
    status: status ?? null,
  };
}
