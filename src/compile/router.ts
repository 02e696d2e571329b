import { explain } from './explain.ts';
import { type HostIndex, matchHost } from './hostindex.ts';
import type { CompiledEntry, Explanation, MatchInput, RoutingTable } from './table.ts';

/** A routing table over a persistent index: making one costs nothing, and it never changes. */
export class Router<U> implements RoutingTable<U> {
  readonly generation: number;
  readonly size: number;
  readonly #index: HostIndex<U>;

  constructor(generation: number, size: number, index: HostIndex<U>) {
    this.generation = generation;
    this.size = size;
    this.#index = index;
  }

  match(input: MatchInput): CompiledEntry<U> | null {
    return matchHost(this.#index, input);
  }

  explain(input: MatchInput, limit: number): Explanation<U> {
    return explain(this.#index, matchHost(this.#index, input), input, limit);
  }
}
