const FAILURES = 3;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;

/**
 * Keeps requests from waiting for what does not answer. After some failures in a row it is shut for a while; then one
 * request may try, and by its outcome it opens or is shut for twice as long.
 */
export class Breaker {
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #shutUntilMs = 0;
  #probing = false;

  /** Whether to try now. Each true is followed by `succeeded`, `failed` or `abandoned`. */
  mayTry(nowMs: number): boolean {
    if (this.#failures < FAILURES) return true;
    if (this.#probing || nowMs < this.#shutUntilMs) return false;
    this.#probing = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** There is a fresh connection: whether it is any good is asked at once. */
  reopen(): void {
    this.#shutUntilMs = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  failed(nowMs: number): void {
    this.#failures += 1;
    if (this.#probing) this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
    this.#probing = false;
    if (this.#failures >= FAILURES) this.#shutUntilMs = nowMs + this.#pauseMs;
  }

  /** Nobody waited for the outcome: the next one may try in its place. */
  abandoned(): void {
    this.#probing = false;
  }
}
