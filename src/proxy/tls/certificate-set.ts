import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { parseCertificateKey } from '../../ir/secret.ts';
import type { TlsVersion } from '../../ir/settings.ts';
import { certificateFacts } from '../../lib/certificate.ts';
import { tlsContext } from '../../lib/tls-context.ts';
import type { TicketKeys } from '../../state/ticket-keys.ts';
import { NameIndex } from './name-index.ts';

const SESSION_CONTEXT_CHARS = 32;

/** A certificate that a listener can show. */
export interface ServedCertificate {
  /** In the listener's list, from 0. */
  readonly place: number;
  readonly names: readonly string[];
  readonly context: SecureContext;
}

export interface CertificateSetOptions {
  readonly listener: string;
  readonly minVersion: TlsVersion;
  readonly ticketKeys: TicketKeys;
  /** A certificate that this thread can't use: the one before it stays. */
  readonly onRefused: (key: string, reason: string) => void;
}

/**
 * The certificates of one listener on one thread. A changed one is for the handshakes that begin after the change; open connections
 * have theirs.
 */
export class CertificateSet {
  readonly #options: CertificateSetOptions;
  readonly #byKey = new Map<string, ServedCertificate>();
  #index = new NameIndex<ServedCertificate>([]);
  /** For handshakes while there is none: they end with an alert. */
  readonly #none: SecureContext;
  /** Those that the contexts have. */
  #ticketKeys: Buffer;

  constructor(options: CertificateSetOptions) {
    this.#options = options;
    this.#ticketKeys = options.ticketKeys.current;
    this.#none = this.#context(null, 'none');
  }

  get empty(): boolean {
    return this.#byKey.size === 0;
  }

  /** Takes the secrets that have changed; those of others are left alone. */
  apply(upsert: Iterable<{ readonly key: string; readonly text: string }>, remove: Iterable<string>): void {
    let changed = false;
    for (const key of remove) changed = this.#byKey.delete(key) || changed;
    for (const { key, text } of upsert) changed = this.#put(key, text) || changed;
    if (changed) this.#index = new NameIndex([...this.#byKey.values()].sort((a, b) => a.place - b.place));
  }

  /** The one for a name, else the default; null: there is none at all. */
  choose(serverName: string): ServedCertificate | null {
    return this.#index.find(serverName) ?? this.#index.first;
  }

  /** With the ticket keys of now. */
  contextOf(certificate: ServedCertificate | null): SecureContext {
    const { ticketKeys } = this.#options;
    ticketKeys.refresh();
    // Other listeners have the same keys, and may have seen them change before this one.
    if (ticketKeys.current !== this.#ticketKeys) {
      this.#ticketKeys = ticketKeys.current;
      for (const { context } of this.#byKey.values()) setTicketKeys(context, this.#ticketKeys);
    }
    return certificate?.context ?? this.#none;
  }

  /**
   * Whether a client that asked for `serverName` (empty: for none) may ask this way for `host`: the certificate that it was
   * shown must be good for both. RFC 9110 section 4.3.3 asks that of clients, section 15.5.20 lets us insist.
   */
  covers(serverName: string, host: string): boolean {
    if (serverName === '' || host === serverName) return true;
    const forHost = this.#index.find(host);
    return forHost !== null && forHost === this.choose(serverName);
  }

  #put(key: string, text: string): boolean {
    const name = parseCertificateKey(key);
    if (name?.listener !== this.#options.listener) return false;
    try {
      const { names, fingerprint } = certificateFacts(text);
      this.#byKey.set(key, { place: name.place, names, context: this.#context(text, fingerprint) });
      return true;
    } catch (error) {
      this.#options.onRefused(key, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** A session goes on only under the certificate with which it began, and only at its listener. */
  #context(certificate: string | null, fingerprint: string): SecureContext {
    const { listener, minVersion } = this.#options;
    const session = createHash('sha256').update(`${listener} ${fingerprint}`).digest('hex');
    return tlsContext({
      ...{ minVersion, certificate, ticketKeys: this.#ticketKeys },
      sessionIdContext: session.slice(0, SESSION_CONTEXT_CHARS),
    });
  }
}

/** On a context, Node documents it for servers only; those call this. */
function setTicketKeys(context: SecureContext, keys: Buffer): void {
  (context.context as { setTicketKeys(keys: Buffer): void }).setTicketKeys(keys);
}
