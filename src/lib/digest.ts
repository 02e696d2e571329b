import { createHash, timingSafeEqual } from 'node:crypto';
import { parseDictionary, StructuredFieldError } from './structured-fields/parse.ts';

/** What a body must hash to. */
export interface ExpectedDigest {
  readonly hash: 'sha256' | 'sha512';
  readonly digest: Buffer;
}

const BYTES = { sha256: 32, sha512: 64 } as const;
const FIELD_HASHES: Readonly<Record<string, 'sha256' | 'sha512'>> = {
  'sha-256': 'sha256',
  'sha-512': 'sha512',
};

/**
 * `Content-Digest: sha-256=:…:` (RFC 9530). Algorithms that are not known are passed over, as are those that are broken.
 * @returns null when it can't be read, or names none that counts
 */
export function readContentDigest(field: string): readonly ExpectedDigest[] | null {
  try {
    const expected: ExpectedDigest[] = [];
    for (const [name, member] of parseDictionary(field)) {
      const hash = FIELD_HASHES[name];
      if (hash === undefined) continue;
      if (member.kind !== 'item' || member.bare.kind !== 'bytes') return null;
      expected.push({ hash, digest: member.bare.value });
    }
    return checked(expected);
  } catch (error) {
    if (error instanceof StructuredFieldError) return null;
    throw error;
  }
}

/** `Digest: SHA-256=…` (RFC 3230), which came before Content-Digest and is still in use. */
export function readLegacyDigest(field: string): readonly ExpectedDigest[] | null {
  const expected: ExpectedDigest[] = [];
  for (const part of field.split(',')) {
    const [, name, value] = /^\s*([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})\s*$/.exec(part) ?? [];
    if (name === undefined) return null;
    const hash = FIELD_HASHES[name.toLowerCase()];
    if (hash !== undefined) expected.push({ hash, digest: Buffer.from(value!, 'base64') });
  }
  return checked(expected);
}

function checked(expected: readonly ExpectedDigest[]): readonly ExpectedDigest[] | null {
  return expected.length > 0 && expected.every(({ hash, digest }) => digest.length === BYTES[hash])
    ? expected
    : null;
}

/** Every one of them fits. */
export function digestsMatch(expected: readonly ExpectedDigest[], body: Uint8Array): boolean {
  return expected.every(({ hash, digest }) =>
    timingSafeEqual(createHash(hash).update(body).digest(), digest),
  );
}
