import type { ConsumerIr, ConsumerSigningKey } from '../ir/consumer.ts';
import { ANONYMOUS, type Identity } from './identity.ts';

/** The Consumers of one namespace, found by what they prove themselves with: each by one step, however many there are. */
export interface Consumers {
  /** Grows with every change of them: what was found before may be another one now. */
  readonly version: number;
  /** @param hash SHA-256 of the key, base64url */
  byApiKey(hash: string): ConsumerIr | null;
  /** With the text of the Secret: a password or the hash of one. */
  byUser(user: string): { readonly consumer: ConsumerIr; readonly password: string } | null;
  /** Who signs under that name with a shared secret, with the text of its Secret. */
  byHmacUser(user: string): { readonly consumer: ConsumerIr; readonly secret: string } | null;
  /** Whose key has that `keyid`, with the key as it is written. */
  bySigningKey(keyId: string): SigningKeyOfConsumer | null;
  /** Of several that fit, the one that is found by the claim whose name comes first. */
  byClaims(claims: Readonly<Record<string, unknown>>): ConsumerIr | null;
  /** @param subject distinguished name of a verified certificate, as the Consumer writes it */
  byCertificate(subject: string): ConsumerIr | null;
}

export interface SigningKeyOfConsumer {
  readonly consumer: ConsumerIr;
  readonly key: ConsumerSigningKey;
  /** A shared secret or a public key. */
  readonly written: string;
}

/** What is kept ready of Consumers in a thread: to make it takes longer than to use it. */
const MAX_READY = 4_096;

/**
 * Remembers what was made of a Consumer's credential, by its name, until any Consumer changes.
 * @param make null: nobody has a credential of that name
 */
export function keptReady<T>(
  consumers: Consumers,
  make: (name: string) => T | null,
): (name: string) => T | null {
  let ready = new Map<string, T>();
  let { version } = consumers;
  return (name) => {
    if (version !== consumers.version || ready.size >= MAX_READY) {
      ready = new Map();
      version = consumers.version;
    }
    const known = ready.get(name);
    if (known !== undefined) return known;
    const made = make(name);
    if (made !== null) ready.set(name, made);
    return made;
  };
}

/** The identity of a Consumer, with what else is known: `user`, `claims`, `apiKey`; groups, roles and permissions are added to its own. */
export function consumerIdentity(
  consumer: ConsumerIr,
  known: Partial<Identity> & Pick<Identity, 'schemes'>,
): Identity {
  return {
    ...ANONYMOUS,
    ...known,
    consumer: consumer.name,
    consumerKey: consumer.key,
    groups: both(consumer.groups, known.groups),
    roles: both(consumer.roles, known.roles),
    permissions: both(consumer.permissions, known.permissions),
  };
}

function both(own: readonly string[], more: readonly string[] = []): readonly string[] {
  return more.length === 0 ? own : [...new Set([...own, ...more])];
}
