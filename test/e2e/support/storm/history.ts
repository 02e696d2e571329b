/** Which addresses each Service has had: tells of an answer how old the knowledge was that chose its endpoint. */
export class AddressHistory {
  /** Address → when the API server agreed that it is gone, in milliseconds of `performance.now()`; Infinity: it is there. */
  readonly #goneAtMs = new Map<number, Map<string, number>>();

  /** The API server is about to be told of them: its watches may be faster than its answer. */
  offered(service: number, addresses: readonly string[]): void {
    const known = this.#of(service);
    for (const address of addresses) known.set(address, Number.POSITIVE_INFINITY);
  }

  /** It has agreed: whatever else there was is gone. */
  agreed(service: number, addresses: readonly string[], nowMs: number): void {
    const there = new Set(addresses);
    const known = this.#of(service);
    for (const [address, goneAtMs] of known) {
      if (!there.has(address) && goneAtMs > nowMs) known.set(address, nowMs);
    }
  }

  /** For how long the address had been gone when a request to it began; null: it has never been one of the Service's. */
  staleMs(service: number, address: string, beganMs: number): number | null {
    const goneAtMs = this.#of(service).get(address);
    return goneAtMs === undefined ? null : Math.max(0, beganMs - goneAtMs);
  }

  /** Those that are there now. */
  now(service: number): ReadonlySet<string> {
    return new Set(
      [...this.#of(service)].filter(([, goneAtMs]) => goneAtMs > performance.now()).map(([one]) => one),
    );
  }

  #of(service: number): Map<string, number> {
    const known = this.#goneAtMs.get(service) ?? new Map<string, number>();
    this.#goneAtMs.set(service, known);
    return known;
  }
}
