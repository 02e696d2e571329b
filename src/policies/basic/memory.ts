import { hash, randomBytes } from 'node:crypto';
import type { Proof } from '../../pipeline/authenticator.ts';

/** Good pairs are asked about again and again. */
const MAX_PASSED = 4_096;
const PASSED_MS = 5 * 60_000;
/** Bad ones are kept apart and shortly, so that guesses drive out nothing else. */
const MAX_REFUSED = 1_024;
const REFUSED_MS = 10_000;

interface Kept {
  readonly proof: Proof;
  readonly version: number;
  readonly untilMs: number;
}

/** Keeps what it was told last, up to a number. */
class Recent {
  readonly #kept = new Map<string, Kept>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(digest: string): Kept | undefined {
    return this.#kept.get(digest);
  }

  set(digest: string, kept: Kept): void {
    this.#kept.delete(digest);
    this.#kept.set(digest, kept);
    if (this.#kept.size <= this.#max) return;
    const { value } = this.#kept.keys().next();
    if (value !== undefined) this.#kept.delete(value);
  }
}

/** Remembers outcomes by a digest that only this rule on this thread can make. What it stands for is kept nowhere. */
export class ProofMemory {
  readonly #key = randomBytes(32).toString('base64');
  readonly #passed = new Recent(MAX_PASSED);
  readonly #refused = new Recent(MAX_REFUSED);

  digest(authorization: string): string {
    return hash('sha256', this.#key + authorization, 'base64');
  }

  /** @param version of what proofs depend on: those of another one count no more */
  get(digest: string, version: number, nowMs: number): Proof | null {
    const kept = this.#passed.get(digest) ?? this.#refused.get(digest);
    return kept !== undefined && kept.version === version && kept.untilMs > nowMs ? kept.proof : null;
  }

  set(digest: string, proof: Proof, version: number, nowMs: number): void {
    if (proof.kind === 'passed') this.#passed.set(digest, { proof, version, untilMs: nowMs + PASSED_MS });
    else this.#refused.set(digest, { proof, version, untilMs: nowMs + REFUSED_MS });
  }
}
