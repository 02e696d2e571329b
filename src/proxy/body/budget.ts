import { GatewayError } from '../../pipeline/errors.ts';

/** Bytes of bodies that one thread holds for policies. A body that finds no room is refused, the others keep theirs. */
export class BodyBudget {
  readonly #maxBytes: number;
  usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False: there is no room, and nothing was taken. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.#maxBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  /** For what is in memory anyway. */
  takeAnyway(bytes: number): void {
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

/** What a body that finds no room ends with. */
export function memoryFull(): GatewayError {
  return new GatewayError('gateway', 'bodyMemoryFull', false, 'the thread holds too many bytes of bodies');
}
