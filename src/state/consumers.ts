import type { ConsumerIr, ConsumerSigningKey } from '../ir/consumer.ts';
import { SharedLimits } from './shared-limits.ts';

interface SigningKey {
  readonly consumer: ConsumerIr;
  readonly key: ConsumerSigningKey;
}

interface Password {
  readonly consumer: ConsumerIr;
  readonly secret: string;
}

/** Those of one namespace. Implements `Consumers` of the pipeline. */
class NamespaceConsumers {
  version = 0;
  readonly #secretText: (key: string) => string | undefined;
  readonly #byName = new Map<string, ConsumerIr>();
  readonly #byApiKey = new Map<string, ConsumerIr>();
  readonly #byUser = new Map<string, Password>();
  readonly #bySigner = new Map<string, Password>();
  readonly #bySigningKey = new Map<string, SigningKey>();
  /** By claim, then by its value; claims in the order of their names. */
  #byClaim: readonly (readonly [claim: string, consumers: Map<string, ConsumerIr>])[] = [];
  readonly #byCertificate = new Map<string, ConsumerIr>();

  constructor(secretText: (key: string) => string | undefined) {
    this.#secretText = secretText;
  }

  byApiKey(hash: string): ConsumerIr | null {
    return this.#byApiKey.get(hash) ?? null;
  }

  byUser(user: string): { readonly consumer: ConsumerIr; readonly password: string } | null {
    const found = this.#byUser.get(user);
    const password = found && this.#secretText(found.secret);
    return found === undefined || password === undefined ? null : { consumer: found.consumer, password };
  }

  byHmacUser(user: string): { readonly consumer: ConsumerIr; readonly secret: string } | null {
    const found = this.#bySigner.get(user);
    const secret = found && this.#secretText(found.secret);
    return found === undefined || secret === undefined ? null : { consumer: found.consumer, secret };
  }

  bySigningKey(keyId: string) {
    const found = this.#bySigningKey.get(keyId);
    if (found === undefined) return null;
    const { material } = found.key;
    const written = 'publicKey' in material ? material.publicKey : this.#secretText(material.secret);
    return written === undefined ? null : { ...found, written };
  }

  byClaims(claims: Readonly<Record<string, unknown>>): ConsumerIr | null {
    for (const [claim, consumers] of this.#byClaim) {
      const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
      const found = typeof value === 'string' ? consumers.get(value) : undefined;
      if (found !== undefined) return found;
    }
    return null;
  }

  byCertificate(subject: string): ConsumerIr | null {
    return this.#byCertificate.get(subject) ?? null;
  }

  put(consumer: ConsumerIr): void {
    this.remove(consumer.name);
    this.#byName.set(consumer.name, consumer);
    for (const hash of consumer.apiKeys) this.#byApiKey.set(hash, consumer);
    for (const { user, secret } of consumer.passwords) this.#byUser.set(user, { consumer, secret });
    for (const { user, secret } of consumer.signers) this.#bySigner.set(user, { consumer, secret });
    for (const key of consumer.signingKeys) this.#bySigningKey.set(key.keyId, { consumer, key });
    for (const { claim, equals } of consumer.claims) this.#claimed(claim).set(equals, consumer);
    for (const subject of consumer.certificates) this.#byCertificate.set(subject, consumer);
  }

  /** A credential that another one has got meanwhile stays with that one. */
  remove(name: string): void {
    this.version += 1;
    const consumer = this.#byName.get(name);
    if (consumer === undefined) return;
    this.#byName.delete(name);
    for (const hash of consumer.apiKeys) drop(this.#byApiKey, hash, consumer);
    for (const { user } of consumer.passwords) dropOf(this.#byUser, user, consumer);
    for (const { user } of consumer.signers) dropOf(this.#bySigner, user, consumer);
    for (const { keyId } of consumer.signingKeys) dropOf(this.#bySigningKey, keyId, consumer);
    for (const { claim, equals } of consumer.claims) drop(this.#claimed(claim), equals, consumer);
    for (const subject of consumer.certificates) drop(this.#byCertificate, subject, consumer);
  }

  #claimed(claim: string): Map<string, ConsumerIr> {
    const known = this.#byClaim.find(([name]) => name === claim);
    if (known !== undefined) return known[1];
    const consumers = new Map<string, ConsumerIr>();
    this.#byClaim = [...this.#byClaim, [claim, consumers] as const].sort(([a], [b]) => (a < b ? -1 : 1));
    return consumers;
  }
}

function dropOf(
  map: Map<string, { readonly consumer: ConsumerIr }>,
  key: string,
  consumer: ConsumerIr,
): void {
  if (map.get(key)?.consumer === consumer) map.delete(key);
}

function drop(map: Map<string, ConsumerIr>, key: string, consumer: ConsumerIr): void {
  if (map.get(key) === consumer) map.delete(key);
}

/** The Consumers that a thread was told. A change costs what it names. */
export class ConsumerDirectory {
  readonly #secretText: (key: string) => string | undefined;
  readonly #namespaces = new Map<string, NamespaceConsumers>();
  readonly #byKey = new Map<string, ConsumerIr>();
  readonly #limits = new SharedLimits();

  /** @param secretText text of a secret as it is now, by its key */
  constructor(secretText: (key: string) => string | undefined) {
    this.#secretText = secretText;
  }

  /** Stays the same object while its Consumers come and go. */
  in(namespace: string): NamespaceConsumers {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const consumers = new NamespaceConsumers(this.#secretText);
    this.#namespaces.set(namespace, consumers);
    return consumers;
  }

  /** @param key `Consumer/namespace/name` */
  byKey(key: string): ConsumerIr | null {
    return this.#byKey.get(key) ?? null;
  }

  /** What was found by a password may be found by it no more. */
  secretsChanged(): void {
    for (const consumers of this.#namespaces.values()) consumers.version += 1;
  }

  apply(upsert: readonly ConsumerIr[], remove: readonly string[]): void {
    for (const key of remove) {
      const consumer = this.#byKey.get(key);
      if (consumer === undefined) continue;
      this.#byKey.delete(key);
      this.in(consumer.namespace).remove(consumer.name);
      if (consumer.rateLimit !== null) this.#limits.release(consumer.rateLimit);
    }
    for (const consumer of upsert) this.#put(consumer);
  }

  #put(told: ConsumerIr): void {
    const before = this.#byKey.get(told.key)?.rateLimit ?? null;
    const consumer =
      told.rateLimit === null ? told : { ...told, rateLimit: this.#limits.take(told.rateLimit) };
    if (before !== null) this.#limits.release(before);
    this.#byKey.set(consumer.key, consumer);
    this.in(consumer.namespace).put(consumer);
  }
}
