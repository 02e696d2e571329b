import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * Texts that a browser keeps for us and may neither read nor change: AES-256-GCM.
 *
 *   4 bytes   which key
 *   12 bytes  nonce, at random
 *   …         what is kept, compressed (RFC 1951) and encrypted; all of it is of one person, so its length tells another nothing
 *   16 bytes  tag
 */

const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES;

/** Longer than any password that people make up; `openssl rand -base64 32` gives 44. */
const MIN_KEY_CHARS = 32;
const MAX_KEYS = 8;
/** What we have sealed is smaller by far. */
const MAX_TEXT_BYTES = 1024 * 1024;

interface SealKey {
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** Null, or what is wrong with the text of a Secret that is to hold keys, without repeating it. */
export function sealKeysProblem(secret: string): string | null {
  const lines = linesOf(secret);
  if (lines.length === 0) return 'it has no key';
  if (lines.length > MAX_KEYS) return `it has ${lines.length} keys; ${MAX_KEYS} are enough`;
  const short = lines.findIndex((line) => line.length < MIN_KEY_CHARS);
  if (short < 0) return null;
  return `key ${short + 1} has ${lines[short]!.length} characters; it needs ${MIN_KEY_CHARS} or more at random, as from "openssl rand -base64 32"`;
}

function linesOf(secret: string): readonly string[] {
  return secret
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export class Seal {
  readonly #keys: readonly SealKey[];

  /** @param secret one key a line: the first seals, all of them open */
  constructor(secret: string) {
    this.#keys = linesOf(secret).map((line) => ({
      id: derive(line, 'key id', KEY_ID_BYTES),
      key: createSecretKey(derive(line, 'key', 32)),
    }));
  }

  /** @param purpose what it is for: what is sealed for one thing can't be opened as another */
  seal(text: string, purpose: string): string {
    const { id, key } = this.#keys[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(purpose));
    const hidden = [cipher.update(deflateRawSync(text)), cipher.final()];
    return Buffer.concat([id, nonce, ...hidden, cipher.getAuthTag()]).toString('base64url');
  }

  /** @returns null when no key of ours sealed it for this purpose, or it was changed */
  open(sealed: string, purpose: string): string | null {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < HEAD_BYTES + TAG_BYTES) return null;
    const id = bytes.subarray(0, KEY_ID_BYTES);
    const key = this.#keys.find((candidate) => candidate.id.equals(id))?.key;
    if (key === undefined) return null;
    const nonce = bytes.subarray(KEY_ID_BYTES, HEAD_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(purpose));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    try {
      const hidden = bytes.subarray(HEAD_BYTES, bytes.length - TAG_BYTES);
      const plain = Buffer.concat([decipher.update(hidden), decipher.final()]);
      return inflateRawSync(plain, { maxOutputLength: MAX_TEXT_BYTES }).toString('utf8');
    } catch {
      return null;
    }
  }
}

function derive(secret: string, use: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `portreeve oidc ${use}`, length));
}
