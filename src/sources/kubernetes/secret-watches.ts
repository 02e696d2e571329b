import type { ApiClient } from './client/client.ts';
import { FollowedNamespace } from './followed-namespace.ts';
import { KINDS } from './kinds.ts';
import type { ReflectorDelta, ReflectorFailure, ReflectorState, ReflectorTiming } from './reflector.ts';
import type { NameChange } from './secret-references.ts';

export interface SecretWatchOptions {
  /** What is watched: both may be too many to list, and hold what is none of ours. */
  readonly kind: 'Secret' | 'ConfigMap';
  readonly client: ApiClient;
  readonly onDelta: (delta: ReflectorDelta) => void;
  readonly onFailure: (failure: ReflectorFailure) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

/** Follows each Secret, or ConfigMap, that is referred to, and reads no other: ADR 0019. */
export class SecretWatches {
  readonly #options: SecretWatchOptions;
  readonly #namespaces = new Map<string, FollowedNamespace>();
  readonly #ending = new Set<Promise<void>>();

  constructor(options: SecretWatchOptions) {
    this.#options = options;
  }

  /** Follows names that are referred to now, and no more those that are not. */
  change(changes: ReadonlyMap<string, NameChange>): void {
    for (const [namespace, change] of changes) {
      let followed = this.#namespaces.get(namespace);
      if (followed === undefined) {
        const { kind, ...options } = this.#options;
        followed = new FollowedNamespace({ ...options, kind: KINDS[kind], namespace });
        this.#namespaces.set(namespace, followed);
      }
      followed.change(change);
      if (!followed.empty) continue;
      this.#namespaces.delete(namespace);
      const ended = followed.stop().finally(() => this.#ending.delete(ended));
      this.#ending.add(ended);
    }
  }

  /** Resolves when each was read or has failed once: a Secret that we may not read holds up nothing else. */
  async settled(): Promise<void> {
    await Promise.all([...this.#namespaces.values()].map((followed) => followed.settled()));
  }

  states(): readonly ReflectorState[] {
    return [...this.#namespaces.values()].flatMap((followed) => followed.states());
  }

  async stop(): Promise<void> {
    const running = [...this.#namespaces.values()].map((followed) => followed.stop());
    await Promise.all([...running, ...this.#ending]);
  }
}
