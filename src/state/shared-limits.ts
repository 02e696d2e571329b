import { isDeepStrictEqual } from 'node:util';
import type { ConsumerLimits } from '../ir/consumer.ts';

/**
 * One object for the equal limits of many Consumers. They come as copies, and what is bound to each would be one more thing for a
 * thread to keep, and for a request to fetch from memory.
 */
export class SharedLimits {
  readonly #byId = new Map<string, { readonly limits: ConsumerLimits; uses: number }>();

  /** The object to use in place of `limits`; {@link release} gives it back. */
  take(limits: ConsumerLimits): ConsumerLimits {
    const known = this.#byId.get(limits.id);
    if (known !== undefined && isDeepStrictEqual(known.limits, limits)) {
      known.uses += 1;
      return known.limits;
    }
    this.#byId.set(limits.id, { limits, uses: 1 });
    return limits;
  }

  release(limits: ConsumerLimits): void {
    const known = this.#byId.get(limits.id);
    if (known?.limits !== limits) return;
    known.uses -= 1;
    if (known.uses === 0) this.#byId.delete(limits.id);
  }
}
