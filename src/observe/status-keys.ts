/** More combinations than a sane service has; what comes later is counted by class (`5xx`). */
const MAX_EXACT = 64;

/**
 * Index of each (method id, status) that was seen, in a list that stays short: a backend that answers with
 * every status there is can't make series without end. A query for `status=~"5.."` takes `5xx` as well.
 */
export class StatusKeys {
  readonly #keys: number[] = [];

  /** -1 when it was not seen yet. */
  find(methodId: number, status: number): number {
    const exact = this.#keys.indexOf(methodId * 1_000 + status);
    if (exact !== -1 || this.#keys.length < MAX_EXACT) return exact;
    return this.#keys.indexOf(classKey(methodId, status));
  }

  add(methodId: number, status: number): number {
    const key = this.#keys.length < MAX_EXACT ? methodId * 1_000 + status : classKey(methodId, status);
    return this.#keys.push(key) - 1;
  }

  label(index: number): string {
    const status = this.#keys[index]! % 1_000;
    return status < 100 ? `${status}xx` : String(status);
  }

  clear(): void {
    this.#keys.length = 0;
  }
}

/** Below 100 in its last three digits, where no status is. */
function classKey(methodId: number, status: number): number {
  return methodId * 1_000 + Math.floor(status / 100);
}
