import type { ResourceKind } from '../../resources/kinds.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import { configMapNamesIn } from '../secret-names.ts';
import type { ResourceChange, ResourceSource } from '../source.ts';
import type { ApiClient } from './client/client.ts';
import { isOwnKind, KINDS, NAMESPACE_KIND, WATCHED_KINDS } from './kinds.ts';
import { ObjectState } from './object-state.ts';
import { ObservedStatus } from './observed-status.ts';
import {
  Reflector,
  type ReflectorDelta,
  type ReflectorFailure,
  type ReflectorState,
  type ReflectorTiming,
} from './reflector.ts';
import { SecretReferences } from './secret-references.ts';
import { SecretWatches } from './secret-watches.ts';

export interface KubernetesSourceOptions {
  readonly client: ApiClient;
  readonly validators: ResourceValidators;
  /** Only these are watched, each by watches of its own; empty: all, by one watch a kind. */
  readonly namespaces: readonly string[];
  /** Label selector: of the watched namespaces only those that fit; null: all. */
  readonly namespaceSelector: string | null;
  /** What the gateway's own configuration refers to; one for each namespace. */
  readonly references?: readonly { readonly namespace: string; readonly of: unknown }[];
  readonly onFailure: (failure: ReflectorFailure) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

/** The resources of a cluster. Its first change comes when every kind was listed; after that it never stops. */
export class KubernetesSource implements ResourceSource {
  /** Objects of ours as the API server has them, for those who write their status. */
  readonly observed = new ObservedStatus();
  readonly #options: KubernetesSourceOptions;
  readonly #state: ObjectState;
  /** Kinds that are only watched where something refers to them. */
  readonly #followed: readonly { readonly refs: SecretReferences; readonly watches: SecretWatches }[];
  readonly #reflectors: Reflector[] = [];
  /** Kinds and namespaces that were not listed yet. */
  readonly #waiting = new Set<Reflector>();
  readonly #synced = Promise.withResolvers<void>();
  #onChange: ((change: ResourceChange) => void) | null = null;
  #stopped = false;

  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
    const { client, onFailure, timing, references = [] } = options;
    const own = new Set(references.map(({ namespace }) => namespace));
    this.#state = new ObjectState(
      options.validators,
      ({ kind, namespace }) => (kind === 'Secret' || kind === 'ConfigMap') && own.has(namespace),
    );
    const follow = (kind: 'Secret' | 'ConfigMap', refs: SecretReferences) => ({
      refs,
      watches: new SecretWatches({
        ...{ client, kind, onFailure },
        onDelta: (delta) => this.#take(kind, delta),
        ...(timing === undefined ? {} : { timing }),
      }),
    });
    this.#followed = [
      follow('Secret', new SecretReferences()),
      follow('ConfigMap', new SecretReferences(configMapNamesIn)),
    ];
  }

  /** Waits for as long as the API server can't be reached. */
  async start(onChange: (change: ResourceChange) => void): Promise<void> {
    const { namespaces, namespaceSelector } = this.#options;
    if (namespaceSelector !== null) this.#watchNamespaces(namespaceSelector);
    for (const kind of WATCHED_KINDS) {
      for (const namespace of namespaces.length === 0 ? [null] : namespaces) this.#watch(kind, namespace);
    }
    for (const reflector of this.#reflectors) reflector.start();
    await this.#synced.promise;
    if (this.#stopped) return;
    const { references = [] } = this.#options;
    for (const { refs } of this.#followed)
      for (const { namespace, of } of references) refs.hold(namespace, of);
    this.#follow(this.#state.all());
    await Promise.all(this.#followed.map(({ watches }) => watches.settled()));
    if (this.#stopped) return;
    this.#onChange = onChange;
    onChange({ upsert: this.#state.all(), remove: [], findings: this.#state.findings });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#onChange = null;
    this.#synced.resolve();
    await Promise.all([
      ...this.#reflectors.map((one) => one.stop()),
      ...this.#followed.map(({ watches }) => watches.stop()),
    ]);
  }

  /** How each watch is doing. */
  states(): readonly ReflectorState[] {
    return [
      ...this.#reflectors.map((one) => one.state),
      ...this.#followed.flatMap(({ watches }) => watches.states()),
    ];
  }

  /** Whether objects of the namespace are handed out. */
  watches(namespace: string): boolean {
    return this.#state.watches(namespace);
  }

  #watch(kind: (typeof WATCHED_KINDS)[number], namespace: string | null): void {
    const reflector: Reflector = this.#reflector({
      kind: KINDS[kind],
      selection: { namespace },
      onDelta: (delta) => this.#take(kind, delta, reflector),
    });
  }

  #watchNamespaces(labelSelector: string): void {
    const allowed = new Set<string>();
    const reflector: Reflector = this.#reflector({
      kind: NAMESPACE_KIND,
      selection: { namespace: null, labelSelector },
      onDelta: (delta) => {
        for (const { name } of delta.remove) allowed.delete(name);
        for (const { metadata } of delta.upsert) allowed.add(metadata.name);
        this.#allow(new Set(allowed), reflector);
      },
    });
    this.#state.allow(() => false);
  }

  #reflector(parts: Pick<ConstructorParameters<typeof Reflector>[0], 'kind' | 'selection' | 'onDelta'>) {
    const { client, onFailure, timing } = this.#options;
    const options = { client, onFailure, ...parts, ...(timing === undefined ? {} : { timing }) };
    const reflector = new Reflector(options);
    this.#reflectors.push(reflector);
    this.#waiting.add(reflector);
    return reflector;
  }

  #take(kind: ResourceKind, delta: ReflectorDelta, reflector?: Reflector): void {
    if (isOwnKind(kind)) this.observed.apply(kind, delta);
    const change = this.#state.apply(kind, delta);
    if (reflector !== undefined) this.#markSynced(reflector);
    if (change !== null) this.#tell(change, isOwnKind(kind));
  }

  #allow(allowed: ReadonlySet<string>, reflector: Reflector): void {
    const changes = this.#state.allow((namespace) => allowed.has(namespace));
    this.#markSynced(reflector);
    for (const change of changes) this.#tell(change, true);
  }

  #markSynced(reflector: Reflector): void {
    if (this.#waiting.delete(reflector) && this.#waiting.size === 0) this.#synced.resolve();
  }

  #tell(change: ResourceChange, mayRefer: boolean): void {
    if (this.#onChange === null) return;
    this.#onChange(change);
    if (mayRefer) this.#follow(change.upsert, change.remove);
  }

  #follow(upsert: ResourceChange['upsert'], remove: ResourceChange['remove'] = []): void {
    for (const { refs, watches } of this.#followed) {
      for (const ref of remove) refs.remove(ref);
      for (const object of upsert) if (isOwnKind(object.kind)) refs.put(object);
      watches.change(refs.takeChanges());
    }
  }
}
