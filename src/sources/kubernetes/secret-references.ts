import type { ObjectRef } from '../../ir/origin.ts';
import { objectKey } from '../../ir/origin.ts';
import { secretNamesIn } from '../secret-names.ts';
import type { SourcedObject } from '../source.ts';

/** Which Secrets (or ConfigMaps) the objects refer to, counted, so that only those are ever read. */
export class SecretReferences {
  readonly #namesIn: (spec: unknown) => Iterable<string>;
  readonly #byOwner = new Map<string, ReadonlySet<string>>();
  readonly #owners = new Map<string, number>();

  /** @param namesIn finds the names in a `spec` */
  constructor(namesIn: (spec: unknown) => Iterable<string> = secretNamesIn) {
    this.#namesIn = namesIn;
  }

  /** Keys `namespace/name` of all that are referred to. */
  get keys(): Iterable<string> {
    return this.#owners.keys();
  }

  /** @returns whether any reference came or went */
  put({ ref, object }: SourcedObject): boolean {
    const names = 'spec' in object ? [...this.#namesIn(object.spec)] : [];
    return this.#set(objectKey(ref), new Set(names.map((name) => `${ref.namespace}/${name}`)));
  }

  remove(ref: ObjectRef): boolean {
    return this.#set(objectKey(ref), new Set());
  }

  #set(owner: string, after: ReadonlySet<string>): boolean {
    const before = this.#byOwner.get(owner) ?? new Set();
    if (after.size > 0) this.#byOwner.set(owner, after);
    else this.#byOwner.delete(owner);
    let changed = false;
    for (const key of after) {
      if (before.has(key)) continue;
      this.#owners.set(key, (this.#owners.get(key) ?? 0) + 1);
      changed = true;
    }
    for (const key of before) {
      if (after.has(key)) continue;
      const left = this.#owners.get(key)! - 1;
      if (left > 0) this.#owners.set(key, left);
      else this.#owners.delete(key);
      changed = true;
    }
    return changed;
  }
}
