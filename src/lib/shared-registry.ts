/** What can be shared by several rules of a thread and ends with the last of them. */
export interface Shared {
  close(): void;
}

export interface Lease<T> {
  readonly value: T;
  /** Once. */
  release(): void;
}

/** Things that equal configurations share: made for the first, closed after the last. */
export class SharedRegistry<T extends Shared> {
  readonly #entries = new Map<string, { readonly value: T; users: number }>();

  /** @param make is called when there is none of that key */
  take(key: string, make: () => T): Lease<T> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { value: make(), users: 0 };
      this.#entries.set(key, entry);
    }
    const taken = entry;
    taken.users += 1;
    let released = false;
    return {
      value: taken.value,
      release: () => {
        if (released) return;
        released = true;
        taken.users -= 1;
        if (taken.users > 0) return;
        this.#entries.delete(key);
        taken.value.close();
      },
    };
  }
}
