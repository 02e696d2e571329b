import { isDeepStrictEqual } from 'node:util';
import type { ConsumerIr } from '../ir/consumer.ts';
import type { Finding } from '../ir/finding.ts';
import { objectKey } from '../ir/origin.ts';
import type { PolicyCatalogue } from '../pipeline/policy.ts';
import { type SourcedConsumer, type TranslatedConsumer, translateConsumer } from './consumer.ts';
import type { ConsumerSurroundings, Credential } from './consumer-credentials.ts';

const NOTHING: ReadonlyMap<string, string> = new Map();

/** What one Consumer's change means for the secrets: texts by key. */
export interface ConsumerChange {
  readonly secretsBefore: ReadonlyMap<string, string>;
  readonly secretsAfter: ReadonlyMap<string, string>;
}

/**
 * The Consumers, each translated once per version and again when something that it names changes. A credential that two of a
 * namespace have is the elder's. Changes are gathered until `take`.
 */
export class ConsumerStore {
  readonly #surroundings: ConsumerSurroundings;
  readonly #catalogue: PolicyCatalogue;
  readonly #entries = new Map<string, TranslatedConsumer>();
  /** Keys of Consumers by what they name. */
  readonly #dependents = new Map<string, Set<string>>();
  /** Keys of Consumers by namespace and credential. */
  readonly #claimants = new Map<string, Set<string>>();
  /** As the threads were told. */
  readonly #told = new Map<string, ConsumerIr>();
  readonly #touched = new Set<string>();

  constructor(surroundings: ConsumerSurroundings, catalogue: PolicyCatalogue) {
    this.#surroundings = surroundings;
    this.#catalogue = catalogue;
  }

  get all(): readonly ConsumerIr[] {
    return [...this.#told.values()];
  }

  get findings(): readonly Finding[] {
    return [...this.#entries.values()].flatMap((entry) => [
      ...entry.report.findings,
      ...entry.credentials.flatMap((credential) => this.#conflict(entry, credential)),
    ]);
  }

  dependentsOf(key: string): Iterable<string> {
    return this.#dependents.get(key) ?? [];
  }

  put(sourced: SourcedConsumer): ConsumerChange {
    const key = objectKey(sourced.ref);
    const before = this.#forget(key);
    const entry = translateConsumer(sourced, this.#surroundings, this.#catalogue);
    this.#entries.set(key, entry);
    for (const dependency of entry.dependencies) {
      const dependents = this.#dependents.get(dependency) ?? new Set();
      this.#dependents.set(dependency, dependents.add(key));
    }
    for (const credential of entry.credentials) {
      const id = claimOf(entry, credential);
      const claimants = this.#claimants.get(id) ?? new Set();
      this.#claimants.set(id, claimants.add(key));
      this.#touch(claimants);
    }
    this.#touched.add(key);
    return { secretsBefore: before?.secrets ?? NOTHING, secretsAfter: entry.secrets };
  }

  /** Translates again what is there, because something that it names has changed. */
  refresh(key: string): ConsumerChange | null {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : this.put(entry.sourced);
  }

  /** null when there was no such Consumer. */
  remove(key: string): ConsumerChange | null {
    const before = this.#forget(key);
    return before === null ? null : { secretsBefore: before.secrets, secretsAfter: NOTHING };
  }

  /** What changed since the last call. */
  take(): { readonly upsert: readonly ConsumerIr[]; readonly remove: readonly string[] } {
    const upsert: ConsumerIr[] = [];
    const remove: string[] = [];
    for (const key of this.#touched) {
      const entry = this.#entries.get(key);
      if (entry === undefined) {
        if (this.#told.delete(key)) remove.push(key);
        continue;
      }
      const ir = this.#build(key, entry);
      if (isDeepStrictEqual(this.#told.get(key), ir)) continue;
      this.#told.set(key, ir);
      upsert.push(ir);
    }
    this.#touched.clear();
    return { upsert, remove };
  }

  #build(key: string, entry: TranslatedConsumer): ConsumerIr {
    const { name, namespace } = entry.sourced.ref;
    const { groups = [], roles = [], permissions = [] } = entry.sourced.object.spec;
    const kept = entry.credentials.filter((one) => this.#owner(claimOf(entry, one)) === entry);
    const proofs = new Map(kept.map(({ id, proof }) => [id, proof])).values().toArray();
    return {
      ...{ key, namespace, name, groups, roles, permissions },
      ...{ rateLimit: entry.rateLimit, policies: entry.policies },
      apiKeys: proofs.flatMap((proof) => (proof.kind === 'apiKey' ? [proof.hash] : [])),
      passwords: proofs.flatMap((proof) => (proof.kind === 'password' ? [proof.password] : [])),
      signers: proofs.flatMap((proof) => (proof.kind === 'signer' ? [proof.signer] : [])),
      signingKeys: proofs.flatMap((proof) => (proof.kind === 'signingKey' ? [proof.key] : [])),
      claims: proofs.flatMap((proof) => (proof.kind === 'claim' ? [proof.claim] : [])),
      certificates: proofs.flatMap((proof) => (proof.kind === 'certificate' ? [proof.subject] : [])),
    };
  }

  /** The eldest of those who have a credential; of the same age, the one whose name comes first. */
  #owner(id: string): TranslatedConsumer {
    let owner: TranslatedConsumer | null = null;
    for (const key of this.#claimants.get(id)!) {
      const entry = this.#entries.get(key)!;
      if (owner === null || isElder(entry, owner)) owner = entry;
    }
    return owner!;
  }

  #conflict(entry: TranslatedConsumer, credential: Credential): readonly Finding[] {
    const owner = this.#owner(claimOf(entry, credential));
    if (owner === entry) return [];
    const origin = entry.sourced.origin(credential.fieldPath);
    return [{ code: 'credentialTaken', origin, by: owner.sourced.ref }];
  }

  #forget(key: string): TranslatedConsumer | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#touched.add(key);
    for (const dependency of entry.dependencies) drop(this.#dependents, dependency, key);
    for (const credential of entry.credentials) {
      const id = claimOf(entry, credential);
      drop(this.#claimants, id, key);
      this.#touch(this.#claimants.get(id) ?? []);
    }
    return entry;
  }

  #touch(keys: Iterable<string>): void {
    for (const key of keys) this.#touched.add(key);
  }
}

function claimOf({ sourced }: TranslatedConsumer, { id }: Credential): string {
  return `${sourced.ref.namespace}/${id}`;
}

function isElder(a: TranslatedConsumer, b: TranslatedConsumer): boolean {
  const [bornA, bornB] = [bornAt(a), bornAt(b)];
  return bornA === bornB ? a.sourced.ref.name < b.sourced.ref.name : bornA < bornB;
}

/** 0 where the source has no age. */
function bornAt({ sourced }: TranslatedConsumer): number {
  const { creationTimestamp } = sourced.object.metadata;
  return creationTimestamp == null ? 0 : Date.parse(creationTimestamp) || 0;
}

function drop(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}
