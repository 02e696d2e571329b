/** Equal questions that are asked at the same time are asked once: who comes while one is under way shares its outcome. */
export class Flights<T> {
  readonly #underWay = new Map<string, Promise<T>>();

  /** @param start is called when no equal question is under way */
  share(key: string, start: () => Promise<T>): Promise<T> {
    const shared = this.#underWay.get(key);
    if (shared !== undefined) return shared;
    const flight = start().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, flight);
    return flight;
  }
}
