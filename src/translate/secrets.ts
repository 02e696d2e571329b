import type { SecretIr } from '../ir/secret.ts';
import type { Secret } from '../resources/core/secret.ts';

/** Text of a key of a Secret, or what is wrong with it, in words that repeat nothing of it. */
export type SecretText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/**
 * What a Secret has under a key, as text. One line break at its end is no part of it: `echo` and editors put it there.
 */
export function secretText({ data, stringData }: Secret, key: string): SecretText {
  if (stringData !== undefined && Object.hasOwn(stringData, key)) return found(stringData[key]!);
  if (data === undefined || !Object.hasOwn(data, key)) return { ok: false, message: `has no key "${key}"` };
  const encoded = data[key]!;
  if (!BASE64.test(encoded)) return { ok: false, message: `has no base64 under its key "${key}"` };
  try {
    return found(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64')),
    );
  } catch {
    return { ok: false, message: `has no text (UTF-8) under its key "${key}"` };
  }
}

function found(text: string): SecretText {
  return { ok: true, text: text.replace(/\r?\n$/, '') };
}

interface SecretEntry {
  text: string;
  /** Objects that name it. */
  users: number;
}

/** The secrets that the data plane needs, each for as long as something names it. Changes are gathered until `take`. */
export class SecretStore {
  readonly #secrets = new Map<string, SecretEntry>();
  /** What each was at the last `take`; null: it was not there. */
  readonly #touched = new Map<string, string | null>();

  /** Texts by key, as `Secret/namespace/name/key`. */
  get all(): readonly SecretIr[] {
    return [...this.#secrets].map(([key, { text }]) => ({ key, text }));
  }

  /** Replaces what one object names. */
  replace(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
    for (const [key, text] of after) this.#add(key, text);
    for (const key of before.keys()) this.#drop(key);
  }

  /** What changed since the last call. */
  take(): { readonly upsert: readonly SecretIr[]; readonly remove: readonly string[] } {
    const upsert: SecretIr[] = [];
    const remove: string[] = [];
    for (const [key, before] of this.#touched) {
      const now = this.#secrets.get(key)?.text;
      if (now === undefined) {
        if (before !== null) remove.push(key);
      } else if (now !== before) upsert.push({ key, text: now });
    }
    this.#touched.clear();
    return { upsert, remove };
  }

  #add(key: string, text: string): void {
    const entry = this.#secrets.get(key);
    this.#remember(key, entry);
    if (entry === undefined) this.#secrets.set(key, { text, users: 1 });
    else {
      entry.text = text;
      entry.users += 1;
    }
  }

  #drop(key: string): void {
    const entry = this.#secrets.get(key)!;
    this.#remember(key, entry);
    entry.users -= 1;
    if (entry.users === 0) this.#secrets.delete(key);
  }

  #remember(key: string, entry: SecretEntry | undefined): void {
    if (!this.#touched.has(key)) this.#touched.set(key, entry?.text ?? null);
  }
}
