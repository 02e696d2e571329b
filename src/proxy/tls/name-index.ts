/** Something with names: host names in lower case, or `*.` and one. */
export interface Named {
  readonly names: readonly string[];
}

/**
 * Finds by host name: the exact name before the wildcard, which stands for one label (RFC 6125 section 6.4.3); of two that have the
 * same name the first.
 */
export class NameIndex<T extends Named> {
  /** null: there is none at all. */
  readonly first: T | null;
  readonly #byName = new Map<string, T>();

  constructor(all: readonly T[]) {
    this.first = all[0] ?? null;
    for (const one of all)
      for (const name of one.names) if (!this.#byName.has(name)) this.#byName.set(name, one);
  }

  /** @param host lower case; null: nobody has it */
  find(host: string): T | null {
    const exact = this.#byName.get(host);
    if (exact !== undefined) return exact;
    const dot = host.indexOf('.');
    return dot < 1 ? null : (this.#byName.get(`*${host.slice(dot)}`) ?? null);
  }
}
