import type { Endpoint } from './endpoint.ts';

/** Long enough to spare nearly all requests a dead endpoint, short enough for one that only starts anew. */
const AVOIDED_MS = 1000;

/**
 * Endpoints that could not be reached a moment ago. Kubernetes needs seconds to notice that a pod or a node died; until then
 * every request that is sent there needs a retry, which is more than a retry budget has.
 *
 * They are left out while another is left; each second one request finds out whether they are back.
 */
export class FailingEndpoints {
  /** Nobody is failing from then on. */
  #untilMs = 0;

  /** A connection to it could not be made. */
  note(endpoint: Endpoint, nowMs: number): void {
    endpoint.avoidedUntilMs = nowMs + AVOIDED_MS;
    this.#untilMs = Math.max(this.#untilMs, endpoint.avoidedUntilMs);
  }

  /** Those of `candidates` that are not failing; empty: all of them are. */
  without(candidates: readonly Endpoint[], nowMs: number): readonly Endpoint[] {
    if (nowMs >= this.#untilMs) return candidates;
    return candidates.filter(({ avoidedUntilMs }) => avoidedUntilMs <= nowMs);
  }

  /** It was chosen. Where it has failed and not connected since, this request is the one that finds out. */
  chosen(endpoint: Endpoint, nowMs: number): void {
    if (endpoint.avoidedUntilMs !== 0) this.note(endpoint, nowMs);
  }
}
