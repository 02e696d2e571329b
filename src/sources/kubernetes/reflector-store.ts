import { type ObjectRef, objectKey } from '../../ir/origin.ts';
import { type KubeKind, type KubeObject, refOf } from './client/object.ts';
import type { WatchEvent } from './client/watch.ts';
import type { ReflectorDelta } from './reflector.ts';

interface Known {
  readonly ref: ObjectRef;
  readonly version: string;
}

/** Which objects there are, in which version: enough to tell what a list changes. The objects are with whoever was told. */
export class ReflectorStore {
  readonly #kind: KubeKind;
  #known = new Map<string, Known>();

  constructor(kind: KubeKind) {
    this.#kind = kind;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Everything there is. What is not in it is gone. */
  replace(objects: readonly KubeObject[]): ReflectorDelta {
    const before = this.#known;
    this.#known = new Map();
    const upsert: KubeObject[] = [];
    for (const object of objects) {
      const known = this.#describe(object);
      const key = objectKey(known.ref);
      if (before.get(key)?.version !== known.version) upsert.push(object);
      this.#known.set(key, known);
    }
    const remove = [...before].filter(([key]) => !this.#known.has(key)).map(([, known]) => known.ref);
    return { upsert, remove };
  }

  /** Events in order; of several of one object the last one counts. */
  apply(events: readonly WatchEvent[]): ReflectorDelta {
    const upsert = new Map<string, KubeObject>();
    const remove = new Map<string, ObjectRef>();
    /** Nobody was told of them yet: when they go again, nobody has to be. */
    const fresh = new Set<string>();
    for (const { type, object } of events) {
      if (type === 'BOOKMARK') continue;
      const known = this.#describe(object);
      const key = objectKey(known.ref);
      if (type === 'DELETED') {
        upsert.delete(key);
        if (this.#known.delete(key) && !fresh.has(key)) remove.set(key, known.ref);
      } else if (this.#known.get(key)?.version !== known.version) {
        if (!this.#known.has(key) && !remove.has(key)) fresh.add(key);
        this.#known.set(key, known);
        remove.delete(key);
        upsert.set(key, object);
      }
    }
    return { upsert: [...upsert.values()], remove: [...remove.values()] };
  }

  #describe(object: KubeObject): Known {
    const { uid = '', resourceVersion = '' } = object.metadata;
    return { ref: refOf(this.#kind, object), version: `${uid}/${resourceVersion}` };
  }
}
