/** Retries that are always allowed, so that a budget does not forbid them at low traffic. */
const MIN_CONCURRENT_RETRIES = 3;

/**
 * Keeps retries from becoming the load that keeps a backend down: those under way may be at most a share of
 * the requests under way.
 */
export class RetryBudget {
  requests = 0;
  #retries = 0;

  /** Takes a place for one retry; false when the budget is used up. */
  take(share: number): boolean {
    if (this.#retries >= Math.max(MIN_CONCURRENT_RETRIES, share * this.requests)) return false;
    this.#retries++;
    return true;
  }

  give(): void {
    this.#retries--;
  }
}
