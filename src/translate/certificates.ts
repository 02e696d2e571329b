import type { Finding } from '../ir/finding.ts';
import { type ObjectRef, objectKey } from '../ir/origin.ts';
import { certificateKey } from '../ir/secret.ts';
import { type CertificateFacts, certificateFacts, certificateFault } from '../lib/certificate.ts';
import { tlsContextFault } from '../lib/tls-context.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { CertificateRef, TranslateOptions } from './options.ts';
import { secretText } from './secrets.ts';

/** What a listener serves under one of its references. */
interface Served {
  /** Chain and key. Never print it. */
  readonly text: string;
  readonly facts: CertificateFacts;
  readonly since: string;
}

interface Entry {
  readonly ref: CertificateRef;
  readonly secret: ObjectRef;
  /** The Secret as it was looked at last; null: it was not there. */
  seen: Secret | null;
  /** The last good one; null: there was none. */
  served: Served | null;
  /** What is wrong with the Secret as it is now; null: nothing. */
  fault: Finding | null;
}

type CheckedPair =
  | { readonly ok: true; readonly text: string; readonly facts: CertificateFacts }
  | { readonly ok: false; readonly message: string };

/** What a change means for the secrets: texts by key. */
export interface CertificateChange {
  readonly secretsBefore: ReadonlyMap<string, string>;
  readonly secretsAfter: ReadonlyMap<string, string>;
}

/** The certificates of the listeners. A Secret that is bad or gone costs nothing: its last good version is kept. */
export class Certificates {
  readonly #entries: readonly Entry[];
  readonly #dependencies: ReadonlySet<string>;
  readonly #secret: (key: string) => Secret | null;
  readonly #now: () => Date;
  #secrets: ReadonlyMap<string, string> = new Map();

  constructor(options: TranslateOptions, secret: (key: string) => Secret | null, now: () => Date) {
    const { certificates = [], policyNamespace = 'default' } = options;
    this.#secret = secret;
    this.#now = now;
    this.#entries = certificates.map((ref) => {
      const named = { kind: 'Secret', namespace: ref.namespace ?? policyNamespace, name: ref.name };
      return { ref, secret: named, seen: null, served: null, fault: notFound(ref, named) };
    });
    this.#dependencies = new Set(this.#entries.map((entry) => objectKey(entry.secret)));
  }

  /** Of now: a certificate expires without a change. */
  get findings(): readonly Finding[] {
    return this.#entries.flatMap((entry) => [...this.#findingsOf(entry)]);
  }

  /** Whether they refer to that object, there or not. */
  dependsOn(key: string): boolean {
    return this.#dependencies.has(key);
  }

  /** Reads them again, because a Secret has changed. */
  refresh(): CertificateChange {
    for (const entry of this.#entries) this.#read(entry);
    const secretsBefore = this.#secrets;
    const secretsAfter = new Map<string, string>();
    for (const { ref, secret, served } of this.#entries) {
      if (served !== null) secretsAfter.set(certificateKey({ ...ref, ...secret }), served.text);
    }
    this.#secrets = secretsAfter;
    return { secretsBefore, secretsAfter };
  }

  #read(entry: Entry): void {
    const { ref, secret: named } = entry;
    const secret = this.#secret(objectKey(named));
    // To check a pair takes a millisecond, and there may be a thousand: only those that have changed.
    if (secret === entry.seen) return;
    entry.seen = secret;
    if (secret === null) {
      entry.fault = notFound(ref, named);
      return;
    }
    const pair = checkPair(secret);
    entry.fault = pair.ok
      ? null
      : { origin: ref.origin, code: 'secretRefused', ref: named, message: pair.message };
    if (pair.ok && pair.text !== entry.served?.text) {
      entry.served = { text: pair.text, facts: pair.facts, since: this.#now().toISOString() };
    }
  }

  *#findingsOf({ ref: { origin }, secret: ref, served, fault }: Entry): Iterable<Finding> {
    if (fault !== null) yield fault;
    if (served === null) return;
    if (fault !== null) yield { origin, code: 'keptLastGood', since: served.since };
    const message = doubt(served.facts, this.#now().getTime());
    if (message !== null) yield { origin, code: 'certificateDoubtful', ref, message };
  }
}

function notFound({ origin }: CertificateRef, ref: ObjectRef): Finding {
  return { origin, code: 'referenceNotFound', ref };
}

function checkPair(secret: Secret): CheckedPair {
  const chain = secretText(secret, 'tls.crt');
  if (!chain.ok) return chain;
  const key = secretText(secret, 'tls.key');
  if (!key.ok) return key;
  const text = `${chain.text}\n${key.text}\n`;
  const fault = certificateFault(chain.text, key.text) ?? refusal(text);
  return fault === null
    ? { ok: true, text, facts: certificateFacts(chain.text) }
    : { ok: false, message: fault };
}

function refusal(text: string): string | null {
  const reason = tlsContextFault(text);
  return reason === null ? null : `has a certificate that TLS can not be spoken with: ${reason}`;
}

/** Why clients may refuse a certificate that is sound; null: they will not. */
function doubt({ names, notBeforeMs, notAfterMs }: CertificateFacts, nowMs: number): string | null {
  const day = (timeMs: number): string => new Date(timeMs).toISOString();
  if (nowMs > notAfterMs) return `has a certificate that expired at ${day(notAfterMs)}: renew it`;
  if (nowMs < notBeforeMs) return `has a certificate that is not valid before ${day(notBeforeMs)}`;
  if (names.length === 0)
    return 'has a certificate without a DNS name among its subject alternative names: no client asks for it by name';
  return null;
}
