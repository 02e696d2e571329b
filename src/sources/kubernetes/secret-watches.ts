import type { ApiClient } from './client/client.ts';
import { KINDS } from './kinds.ts';
import {
  Reflector,
  type ReflectorDelta,
  type ReflectorFailure,
  type ReflectorState,
  type ReflectorTiming,
} from './reflector.ts';

export interface SecretWatchOptions {
  /** What is watched: both may be too many to list, and hold what is none of ours. */
  readonly kind: 'Secret' | 'ConfigMap';
  readonly client: ApiClient;
  readonly onDelta: (delta: ReflectorDelta) => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

interface SecretWatch {
  readonly reflector: Reflector;
  readonly settled: Promise<void>;
}

/** A watch for each Secret, or ConfigMap, that is referred to: nobody has to let us list them all. */
export class SecretWatches {
  readonly #options: SecretWatchOptions;
  readonly #watches = new Map<string, SecretWatch>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: SecretWatchOptions) {
    this.#options = options;
  }

  /** Adds and drops watches until there is one for each of the keys `namespace/name`. */
  set(keys: Iterable<string>): void {
    const wanted = new Set(keys);
    for (const [key, { reflector }] of this.#watches) {
      if (wanted.has(key)) continue;
      this.#watches.delete(key);
      this.#end(key, reflector);
    }
    for (const key of wanted) if (!this.#watches.has(key)) this.#watches.set(key, this.#begin(key));
  }

  /** Resolves when each was read or has failed once: a Secret that we may not read holds up nothing else. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.settled));
  }

  states(): readonly ReflectorState[] {
    return [...this.#watches.values()].map((watch) => watch.reflector.state);
  }

  async stop(): Promise<void> {
    const running = [...this.#watches.values()].map((watch) => watch.reflector.stop());
    this.#watches.clear();
    await Promise.all([...running, ...this.#stopping]);
  }

  #begin(key: string): SecretWatch {
    const { client, kind, onDelta, onFailure, timing } = this.#options;
    const [namespace, name] = splitKey(key);
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const reflector = new Reflector({
      client,
      kind: KINDS[kind],
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      onDelta: (delta) => {
        if (this.#watches.get(key)?.reflector === reflector) onDelta(delta);
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

  #end(key: string, reflector: Reflector): void {
    const [namespace, name] = splitKey(key);
    this.#options.onDelta({ upsert: [], remove: [{ kind: this.#options.kind, namespace, name }] });
    const stopped = reflector.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}

function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}
