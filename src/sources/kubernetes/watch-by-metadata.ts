import { Backoff, pause } from '../../lib/backoff.ts';
import { ApiError, errorMessage, isForbidden } from './client/api-error.ts';
import { listAll } from './client/list.ts';
import { type KubeObject, pathOf } from './client/object.ts';
import { Reflector, type ReflectorDelta, type ReflectorState } from './reflector.ts';
import type { NameChange } from './secret-references.ts';
import type { FollowOptions } from './watches-by-name.ts';

export interface WatchByMetadataOptions extends FollowOptions {
  /** Everything in the namespace was listed: nobody else has to follow the names. */
  readonly onListed: () => void;
  /** We may not list the namespace, or not any more. */
  readonly onForbidden: (message: string) => void;
}

const READS_AT_ONCE = 16;
/** From so many on, a list is asked for those that are to be read, if it is nearly all that there are … */
const TOGETHER_FROM = 100;
/** … and so few others have to be left out of it by name. */
const LEFT_OUT = 20;
const BACKOFF = { baseMs: 250, maxMs: 30_000 };

/**
 * One watch for all names of a namespace, however many there are. It is of metadata: which objects there are and in
 * which version, not what they hold. Those that are referred to are then read and no others: each by itself, or by pages
 * when the namespace holds little else.
 */
export class WatchByMetadata {
  readonly #options: WatchByMetadataOptions;
  readonly #reflector: Reflector;
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #names = new Set<string>();
  /** Versions of what there is in the namespace. */
  readonly #there = new Map<string, string>();
  /** Versions of what was handed out. */
  readonly #told = new Map<string, string>();
  readonly #toRead = new Set<string>();
  readonly #reading = new Map<string, Promise<void>>();
  /** A list of what is to be read, under way. */
  #together: Promise<void> | null = null;
  /** A list was tried: what it did not bring is read by itself. */
  #apart = false;
  readonly #settled = Promise.withResolvers<void>();
  #listed = false;

  constructor(options: WatchByMetadataOptions) {
    this.#options = options;
    const { client, kind, namespace, onFailure, timing } = options;
    this.#backoff = new Backoff({
      baseMs: timing?.backoffBaseMs ?? BACKOFF.baseMs,
      maxMs: timing?.backoffMaxMs ?? BACKOFF.maxMs,
    });
    this.#reflector = new Reflector({
      ...{ client, kind, selection: { namespace, metadataOnly: true } },
      onDelta: (delta) => this.#take(delta),
      onFailure: (failure) => {
        if (failure.forbidden) options.onForbidden(failure.message);
        else onFailure(failure);
        this.#settled.resolve();
      },
      ...(timing === undefined ? {} : { timing }),
    });
  }

  start(): void {
    this.#reflector.start();
  }

  change({ added, removed }: NameChange): void {
    for (const name of removed) {
      this.#names.delete(name);
      this.#toRead.delete(name);
      this.#gone([name]);
    }
    for (const name of added) {
      this.#names.add(name);
      if (this.#there.has(name)) this.#toRead.add(name);
    }
    this.#readMore();
  }

  /** Resolves when all names were read, or something has failed once. */
  settled(): Promise<void> {
    return this.#settled.promise;
  }

  get state(): ReflectorState {
    const { failures, ...state } = this.#reflector.state;
    return { ...state, objects: this.#told.size, failures: Math.max(failures, this.#backoff.failures) };
  }

  /** Tells nobody: someone else follows the objects. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#toRead.clear();
    this.#settled.resolve();
    await Promise.all([this.#reflector.stop(), this.#together, ...this.#reading.values()]);
  }

  #take({ upsert, remove }: ReflectorDelta): void {
    for (const { name } of remove) {
      this.#there.delete(name);
      this.#toRead.delete(name);
    }
    for (const { metadata } of upsert) this.#there.set(metadata.name, metadata.resourceVersion ?? '');
    if (!this.#listed) {
      this.#listed = true;
      this.#options.onListed();
      // Whoever followed them before may have told of some that have gone meanwhile.
      this.#gone([...this.#names].filter((name) => !this.#there.has(name)));
    }
    this.#gone(remove.map(({ name }) => name).filter((name) => this.#names.has(name)));
    for (const { metadata } of upsert) if (this.#names.has(metadata.name)) this.#toRead.add(metadata.name);
    this.#readMore();
  }

  #readMore(): void {
    if (this.#together !== null) return;
    const others = this.#there.size - this.#toRead.size;
    if (!this.#apart && this.#toRead.size >= TOGETHER_FROM && others <= LEFT_OUT) {
      this.#together = this.#readTogether().finally(() => {
        this.#together = null;
        this.#apart = true;
        this.#readMore();
      });
      return;
    }
    this.#readApart();
    if (this.#toRead.size === 0) this.#apart = false;
  }

  #readApart(): void {
    for (const name of this.#toRead) {
      if (this.#reading.size >= READS_AT_ONCE) return;
      // What changes while it is read is read again after that.
      if (this.#reading.has(name)) continue;
      this.#toRead.delete(name);
      if (this.#told.get(name) === this.#there.get(name)) continue;
      const reading = this.#read(name).finally(() => {
        this.#reading.delete(name);
        this.#readMore();
      });
      this.#reading.set(name, reading);
    }
    if (this.#listed && this.#reading.size === 0) this.#settled.resolve();
  }

  /** All that is to be read in pages. What has not come with them, for whatever reason, is still to be read. */
  async #readTogether(): Promise<void> {
    const { client, kind, namespace, onDelta, onFailure } = this.#options;
    const { signal } = this.#abort;
    const wanted = [...this.#toRead];
    const others = [...this.#there.keys()].filter((name) => !this.#toRead.has(name));
    const fieldSelector = others.map((name) => `metadata.name!=${name}`).join(',');
    const selection = { namespace, ...(fieldSelector === '' ? {} : { fieldSelector }) };
    this.#toRead.clear();
    try {
      const { objects } = await listAll(client, kind, selection, signal);
      if (signal.aborted) return;
      // What has come into being meanwhile is nobody's, as far as we know.
      const upsert = objects.filter(
        ({ metadata: { name } }) => this.#names.has(name) && this.#there.has(name),
      );
      for (const { metadata } of upsert) this.#told.set(metadata.name, metadata.resourceVersion ?? '');
      if (upsert.length > 0) onDelta({ upsert, remove: [] });
    } catch (error) {
      if (signal.aborted) return;
      const failure = { message: `reading ${wanted.length} together: ${errorMessage(error)}`, retryInMs: 0 };
      onFailure({ kind: kind.kind, step: 'read', failures: 1, forbidden: isForbidden(error), ...failure });
    }
    for (const name of wanted) {
      if (this.#names.has(name) && this.#there.has(name)) this.#toRead.add(name);
    }
  }

  async #read(name: string): Promise<void> {
    const { client, kind, namespace, onDelta } = this.#options;
    const { signal } = this.#abort;
    try {
      const object = await client.json<KubeObject>({ path: pathOf(kind, namespace, name), signal });
      this.#backoff.reset();
      // Nobody refers to it any more, or it has gone: whoever took it away has told.
      if (!this.#names.has(name) || !this.#there.has(name)) return;
      this.#told.set(name, object.metadata.resourceVersion ?? '');
      onDelta({ upsert: [object], remove: [] });
    } catch (error) {
      // It has gone; the watch tells.
      if (signal.aborted || (error instanceof ApiError && error.status === 404)) return;
      await this.#failed(name, error);
    }
  }

  async #failed(name: string, error: unknown): Promise<void> {
    const { kind, onFailure } = this.#options;
    const retryInMs = this.#backoff.next(error instanceof ApiError ? error.retryAfterMs : null);
    const { failures } = this.#backoff;
    const message = `${name}: ${errorMessage(error)}`;
    onFailure({ kind: kind.kind, step: 'read', message, retryInMs, failures, forbidden: isForbidden(error) });
    this.#settled.resolve();
    await pause(retryInMs, this.#abort.signal);
    if (this.#names.has(name) && this.#there.has(name) && !this.#abort.signal.aborted) this.#toRead.add(name);
  }

  #gone(names: readonly string[]): void {
    if (names.length === 0) return;
    const { kind, namespace, onDelta } = this.#options;
    for (const name of names) this.#told.delete(name);
    onDelta({ upsert: [], remove: names.map((name) => ({ kind: kind.kind, namespace, name })) });
  }
}
