/** How a password is kept, taken apart. */
export type StoredPassword =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'bcrypt'; readonly text: string; readonly cost: number }
  | {
      readonly kind: 'argon2';
      readonly algorithm: 'argon2d' | 'argon2i' | 'argon2id';
      readonly memory: number;
      readonly passes: number;
      readonly parallelism: number;
      readonly nonce: Buffer;
      readonly tag: Buffer;
    }
  | { readonly kind: 'apr1'; readonly salt: string; readonly tag: string }
  | {
      readonly kind: 'shaCrypt';
      readonly bits: 256 | 512;
      readonly rounds: number;
      readonly salt: string;
      readonly tag: string;
    }
  /** `{SHA}` and `{SSHA}`: the salt follows the digest. */
  | { readonly kind: 'sha1'; readonly salt: Buffer; readonly tag: Buffer };

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const ARGON2 =
  /^\$(argon2(?:id|i|d))\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const APR1 = /^\$apr1\$([^$:]{1,8})\$([./A-Za-z0-9]{22})$/;
const SHA_CRYPT = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:]{0,16})\$([./A-Za-z0-9]{43,86})$/;
const SHA1 = /^\{S?SHA\}([A-Za-z0-9+/]+={0,2})$/;
const SHA1_BYTES = 20;

/** A hash that costs more would hold up those of others, and be a way to spend our time. */
const MAX_BCRYPT_COST = 15;
const MAX_ARGON2_KIB = 256 * 1024;
const MAX_ARGON2_WORK = 4 * MAX_ARGON2_KIB;
const MAX_SHA_ROUNDS = 200_000;

/** Null: no form that is known, or one that costs too much. Plain text is none of them. */
export function parseHash(text: string): StoredPassword | null {
  const bcrypt = BCRYPT.exec(text);
  if (bcrypt !== null) {
    const cost = Number(bcrypt[1]);
    // Others write 2a and 2y for what is 2b here.
    return cost > MAX_BCRYPT_COST ? null : { kind: 'bcrypt', text: `$2b$${text.slice(4)}`, cost };
  }
  const apache = APR1.exec(text);
  if (apache !== null) return { kind: 'apr1', salt: apache[1]!, tag: apache[2]! };
  const sha1 = SHA1.exec(text);
  if (sha1 !== null) {
    const bytes = Buffer.from(sha1[1]!, 'base64');
    if (bytes.length < SHA1_BYTES || (text.startsWith('{SHA}') && bytes.length !== SHA1_BYTES)) return null;
    return { kind: 'sha1', tag: bytes.subarray(0, SHA1_BYTES), salt: bytes.subarray(SHA1_BYTES) };
  }
  return parseArgon2(text) ?? parseShaCrypt(text);
}

function parseArgon2(text: string): StoredPassword | null {
  const [, algorithm, m, t, p, nonce, tag] = ARGON2.exec(text) ?? [];
  if (algorithm === undefined) return null;
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
  if (memory > MAX_ARGON2_KIB || memory * passes > MAX_ARGON2_WORK) return null;
  if (passes < 1 || parallelism < 1 || memory < 8 * parallelism) return null;
  const parsed = { nonce: Buffer.from(nonce!, 'base64'), tag: Buffer.from(tag!, 'base64') };
  if (parsed.nonce.length < 8 || parsed.tag.length < 4) return null;
  const named = algorithm as 'argon2d' | 'argon2i' | 'argon2id';
  return { kind: 'argon2', algorithm: named, memory, passes, parallelism, ...parsed };
}

function parseShaCrypt(text: string): StoredPassword | null {
  const [, id, rounds, salt, tag] = SHA_CRYPT.exec(text) ?? [];
  if (id === undefined) return null;
  const bits = id === '5' ? 256 : 512;
  // The specification raises what is less.
  const count = rounds === undefined ? 5_000 : Math.max(1_000, Number(rounds));
  if (count > MAX_SHA_ROUNDS || tag!.length !== (bits === 256 ? 43 : 86)) return null;
  return { kind: 'shaCrypt', bits, rounds: count, salt: salt!, tag: tag! };
}

const LOOKS_HASHED = /^(\$[0-9a-z]{1,10}\$|\{[A-Z0-9]{3,10}\})/;

/** What stands in the Secret of a Consumer: a hash in one of the known forms, else the password itself. Null: a hash of another form. */
export function parsePassword(text: string): StoredPassword | null {
  return LOOKS_HASHED.test(text) ? parseHash(text) : { kind: 'plain', text };
}

/** Roughly what a check costs, to compare. */
export function costOf(stored: StoredPassword): number {
  switch (stored.kind) {
    case 'bcrypt':
      return 2 ** stored.cost;
    case 'argon2':
      return (stored.memory * stored.passes) / 50;
    case 'shaCrypt':
      return stored.rounds / 100;
    case 'apr1':
      return 10;
    default:
      return 0;
  }
}
