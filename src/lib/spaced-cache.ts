/** Bytes that several caches of a thread share. */
export class CacheSpace {
  readonly #caches = new Set<SpacedCache<unknown>>();
  readonly #halfBytes: number;
  #youngBytes = 0;

  /** @param limitBytes what all entries together may take, by what their owners say */
  constructor(limitBytes: number) {
    this.#halfBytes = limitBytes / 2;
  }

  add(cache: SpacedCache<unknown>): void {
    this.#caches.add(cache);
  }

  remove(cache: SpacedCache<unknown>): void {
    this.#caches.delete(cache);
  }

  /** False: it is too large to keep. */
  spend(bytes: number): boolean {
    if (bytes > this.#halfBytes) return false;
    this.#youngBytes += bytes;
    if (this.#youngBytes > this.#halfBytes) {
      for (const cache of this.#caches) cache.age();
      this.#youngBytes = bytes;
    }
    return true;
  }
}

/**
 * A cache of two generations. What is asked for stays in the young one or comes back to it; when the young ones of a space
 * have taken half of it they become the old ones, and what was old goes. A hit costs one look-up and changes nothing.
 */
export class SpacedCache<V> {
  readonly #space: CacheSpace;
  #young = new Map<string, Entry<V>>();
  #old = new Map<string, Entry<V>>();

  constructor(space: CacheSpace) {
    this.#space = space;
    space.add(this);
  }

  get(key: string): V | undefined {
    const entry = this.#young.get(key);
    if (entry !== undefined) return entry.value;
    const aged = this.#old.size === 0 ? undefined : this.#old.get(key);
    if (aged === undefined) return undefined;
    this.#old.delete(key);
    this.#put(aged);
    return aged.value;
  }

  /** @param bytes what key and value take, about */
  set(key: string, value: V, bytes: number): void {
    // A slice of a request's head would keep the whole head.
    this.#put({ key: Buffer.from(key, 'utf8').toString('utf8'), value, bytes });
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  /** For its space. */
  age(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }

  close(): void {
    this.clear();
    this.#space.remove(this);
  }

  #put(entry: Entry<V>): void {
    if (this.#space.spend(entry.bytes)) this.#young.set(entry.key, entry);
  }
}

interface Entry<V> {
  readonly key: string;
  readonly value: V;
  readonly bytes: number;
}
