import type { ApiClient } from './client/client.ts';
import type { KubeKind } from './client/object.ts';
import {
  Reflector,
  type ReflectorDelta,
  type ReflectorFailure,
  type ReflectorState,
  type ReflectorTiming,
} from './reflector.ts';
import type { NameChange } from './secret-references.ts';

/** How objects are followed of which there may be many in a namespace, and only some are ours to read. */
export interface FollowOptions {
  readonly kind: KubeKind;
  readonly client: ApiClient;
  readonly namespace: string;
  readonly onDelta: (delta: ReflectorDelta) => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

interface NamedWatch {
  readonly reflector: Reflector;
  readonly settled: Promise<void>;
}

/** A watch for each name: a Role that names the objects is enough for it. */
export class WatchesByName {
  readonly #options: FollowOptions;
  readonly #watches = new Map<string, NamedWatch>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  change({ added, removed }: NameChange): void {
    for (const name of removed) if (this.#end(name)) this.#gone(name);
    for (const name of added) if (!this.#watches.has(name)) this.#watches.set(name, this.#begin(name));
  }

  /** Resolves when each was read or has failed once: one that we may not read holds up nothing else. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.settled));
  }

  states(): readonly ReflectorState[] {
    return [...this.#watches.values()].map((watch) => watch.reflector.state);
  }

  /** Ends all watches and tells nobody: someone else follows the objects. */
  async stop(): Promise<void> {
    for (const name of [...this.#watches.keys()]) this.#end(name);
    await Promise.all(this.#stopping);
  }

  #begin(name: string): NamedWatch {
    const { client, kind, namespace, onDelta, onFailure, timing } = this.#options;
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const reflector = new Reflector({
      client,
      kind,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      onDelta: (delta) => {
        if (this.#watches.get(name)?.reflector !== reflector) return;
        // Whoever followed it before may have told that it is there.
        if (delta.upsert.length === 0) this.#gone(name);
        else onDelta(delta);
        resolve();
      },
      onFailure: (failure) => {
        resolve();
        onFailure(failure);
      },
      ...(timing === undefined ? {} : { timing }),
    });
    // Its first answer comes later than the line that puts it into the map.
    reflector.start();
    return { reflector, settled };
  }

  /** @returns whether it was watched */
  #end(name: string): boolean {
    const watch = this.#watches.get(name);
    if (watch === undefined) return false;
    this.#watches.delete(name);
    const stopped = watch.reflector.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
    return true;
  }

  #gone(name: string): void {
    const { kind, namespace, onDelta } = this.#options;
    onDelta({ upsert: [], remove: [{ kind: kind.kind, namespace, name }] });
  }
}
