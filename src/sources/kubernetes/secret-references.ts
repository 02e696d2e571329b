import type { ObjectRef } from '../../ir/origin.ts';
import { objectKey } from '../../ir/origin.ts';
import { secretNamesIn } from '../secret-names.ts';
import type { SourcedObject } from '../source.ts';

/** Names in a namespace that are referred to since the last time, and those that are not any more. */
export interface NameChange {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

/** Which Secrets (or ConfigMaps) the objects refer to, counted, so that only those are ever read. */
export class SecretReferences {
  readonly #namesIn: (spec: unknown) => Iterable<string>;
  readonly #byOwner = new Map<string, ReadonlySet<string>>();
  readonly #owners = new Map<string, number>();
  #changes = new Map<string, { added: Set<string>; removed: Set<string> }>();

  /** @param namesIn finds the names in a `spec` */
  constructor(namesIn: (spec: unknown) => Iterable<string> = secretNamesIn) {
    this.#namesIn = namesIn;
  }

  put({ ref, object }: SourcedObject): void {
    const names = 'spec' in object ? [...this.#namesIn(object.spec)] : [];
    this.#set(ref, new Set(names));
  }

  /** What the gateway's own configuration refers to: for as long as the program runs. */
  hold(namespace: string, configuration: unknown): void {
    const ref = { kind: 'GatewayConfig', namespace, name: '' };
    this.#set(ref, new Set(this.#namesIn(configuration)));
  }

  remove(ref: ObjectRef): void {
    this.#set(ref, new Set());
  }

  /** What is different since the last call, by namespace. */
  takeChanges(): ReadonlyMap<string, NameChange> {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  #set(ref: ObjectRef, after: ReadonlySet<string>): void {
    const owner = objectKey(ref);
    const before = this.#byOwner.get(owner) ?? new Set();
    if (after.size > 0) this.#byOwner.set(owner, after);
    else this.#byOwner.delete(owner);
    for (const name of after) if (!before.has(name)) this.#count(ref.namespace, name, 1);
    for (const name of before) if (!after.has(name)) this.#count(ref.namespace, name, -1);
  }

  #count(namespace: string, name: string, by: 1 | -1): void {
    const key = `${namespace}/${name}`;
    const before = this.#owners.get(key) ?? 0;
    if (before + by > 0) this.#owners.set(key, before + by);
    else this.#owners.delete(key);
    if (before > 0 && before + by > 0) return;
    const change = this.#changes.get(namespace) ?? { added: new Set(), removed: new Set() };
    this.#changes.set(namespace, change);
    const { added, removed } = change;
    // What came and went in between is no change.
    if (by > 0 ? !removed.delete(name) : !added.delete(name)) (by > 0 ? added : removed).add(name);
  }
}
