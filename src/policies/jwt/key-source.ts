import type { Lease } from '../../lib/shared-registry.ts';
import type { KeptDocument } from '../../outbound/kept-document.ts';
import type { VerificationKey } from './keys.ts';

/** One entry of `keys`: where some keys come from, and for which tokens they are. */
export interface KeySource {
  /** What the claim or header named by `keyClaimName` must say for it; null: it is not chosen that way. */
  readonly id: string | null;
  /** The only `iss` that its keys may sign; null: any. */
  readonly issuer: string | null;
  /** Null: none came yet. */
  readonly keys: readonly VerificationKey[] | null;
  /** When keys are missing: resolves when there may be others, and never rejects. Null: it is no use to wait. */
  missing(): Promise<void> | null;
  onChange(listener: () => void): void;
  close(): void;
}

type Chosen = Pick<KeySource, 'id' | 'issuer'>;

export function fixedSource({ id, issuer }: Chosen, keys: readonly VerificationKey[]): KeySource {
  return { id, issuer, keys, missing: () => null, onChange: () => undefined, close: () => undefined };
}

/** Keys of a provider, shared with all rules that have the same URL. */
export class FetchedSource implements KeySource {
  readonly id: string | null;
  readonly issuer: string | null;
  readonly #lease: Lease<KeptDocument<readonly VerificationKey[]>>;
  readonly #unsubscribe: (() => void)[] = [];

  constructor({ id, issuer }: Chosen, lease: Lease<KeptDocument<readonly VerificationKey[]>>) {
    this.id = id;
    this.issuer = issuer;
    this.#lease = lease;
  }

  get keys(): readonly VerificationKey[] | null {
    return this.#lease.value.value;
  }

  missing(): Promise<void> | null {
    return this.#lease.value.refetch();
  }

  onChange(listener: () => void): void {
    this.#unsubscribe.push(this.#lease.value.onChange(listener));
  }

  close(): void {
    for (const end of this.#unsubscribe) end();
    this.#lease.release();
  }
}
