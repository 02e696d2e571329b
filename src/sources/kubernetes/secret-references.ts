import type { ObjectRef } from '../../ir/origin.ts';
import { objectKey } from '../../ir/origin.ts';
import type { SourcedObject } from '../source.ts';

/** Which Secrets the objects refer to, counted, so that only those are ever read. */
export class SecretReferences {
  readonly #byOwner = new Map<string, ReadonlySet<string>>();
  readonly #owners = new Map<string, number>();

  /** Keys `namespace/name` of all that are referred to. */
  get keys(): Iterable<string> {
    return this.#owners.keys();
  }

  /** @returns whether any reference came or went */
  put({ ref, object }: SourcedObject): boolean {
    const names = new Set<string>();
    if ('spec' in object) collect(object.spec, names);
    return this.#set(objectKey(ref), new Set([...names].map((name) => `${ref.namespace}/${name}`)));
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

/** By convention of the schemas a reference to a Secret is a field `secretRef` with a `name`, wherever it stands. */
function collect(value: unknown, names: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, child] of Object.entries(value)) {
    const name = field === 'secretRef' ? (child as { name?: unknown } | null)?.name : undefined;
    if (typeof name === 'string') names.add(name);
    else collect(child, names);
  }
}
