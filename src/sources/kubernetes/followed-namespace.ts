import type { ReflectorState } from './reflector.ts';
import type { NameChange } from './secret-references.ts';
import { WatchByMetadata } from './watch-by-metadata.ts';
import { type FollowOptions, WatchesByName } from './watches-by-name.ts';

/** So many names of a namespace have a watch each, with a connection each. */
export const BY_NAME_UP_TO = 20;
/** Rights may have been given meanwhile. */
const ASK_AGAIN_MS = 600_000;
const NONE: ReadonlySet<string> = new Set();

/**
 * Follows the names that are referred to in one namespace. One of three things holds:
 *   few names       a watch by name for each;
 *   many            one watch of the namespace's metadata; those by name end when it has listed everything;
 *   many, and we    a watch by name for each after all, until names change a while later: then we ask again.
 *   may not list
 */
export class FollowedNamespace {
  readonly #options: FollowOptions;
  readonly #names = new Set<string>();
  readonly #byName: WatchesByName;
  readonly #stopping = new Set<Promise<void>>();
  #byMetadata: WatchByMetadata | null = null;
  /** `performance.now()` from which on we may ask to list. */
  #askAtMs = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#byName = new WatchesByName(options);
  }

  /** Whether there is nothing to follow. */
  get empty(): boolean {
    return this.#names.size === 0;
  }

  change(change: NameChange): void {
    for (const name of change.removed) this.#names.delete(name);
    for (const name of change.added) this.#names.add(name);
    if (this.#byMetadata !== null && this.#names.size > BY_NAME_UP_TO / 2) {
      this.#byMetadata.change(change);
      // Those that began before go on until everything is listed.
      this.#byName.change({ added: NONE, removed: change.removed });
    } else if (this.#byMetadata !== null) {
      this.#byMetadata.change({ added: NONE, removed: change.removed });
      this.#goByName(this.#byMetadata);
    } else if (this.#names.size > BY_NAME_UP_TO && performance.now() >= this.#askAtMs) {
      this.#byName.change({ added: NONE, removed: change.removed });
      this.#goByMetadata();
    } else {
      this.#byName.change(change);
    }
  }

  async settled(): Promise<void> {
    // When it turns out that we may not list, watches by name have begun by then.
    await this.#byMetadata?.settled();
    await this.#byName.settled();
  }

  states(): readonly ReflectorState[] {
    return [...(this.#byMetadata === null ? [] : [this.#byMetadata.state]), ...this.#byName.states()];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#byMetadata?.stop(), this.#byName.stop(), ...this.#stopping]);
  }

  #goByMetadata(): void {
    const byMetadata = new WatchByMetadata({
      ...this.#options,
      onListed: () => this.#later(this.#byName.stop()),
      onForbidden: (message) => this.#forbidden(byMetadata, message),
    });
    this.#byMetadata = byMetadata;
    byMetadata.change({ added: this.#names, removed: NONE });
    byMetadata.start();
  }

  #goByName(byMetadata: WatchByMetadata): void {
    this.#byMetadata = null;
    this.#later(byMetadata.stop());
    this.#byName.change({ added: this.#names, removed: NONE });
  }

  #forbidden(byMetadata: WatchByMetadata, message: string): void {
    if (this.#byMetadata !== byMetadata) return;
    const { kind, namespace, onFailure } = this.#options;
    this.#askAtMs = performance.now() + ASK_AGAIN_MS;
    const what = `${this.#names.size} objects of namespace ${namespace} are watched one by one`;
    onFailure({
      ...{ kind: kind.kind, step: 'list', failures: 1, forbidden: true, retryInMs: ASK_AGAIN_MS },
      message: `${what}, each with a connection of its own, for want of the right to list them: ${message}`,
    });
    this.#goByName(byMetadata);
  }

  #later(stopped: Promise<void>): void {
    const done = stopped.finally(() => this.#stopping.delete(done));
    this.#stopping.add(done);
  }
}
