import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

/*
 * Password hashes of Unix that no library of Node has: `$apr1$` of htpasswd (MD5, 1,000 rounds), `$5$` and `$6$` (SHA-256 and SHA-512,
 * 5,000 rounds by default; "Unix crypt using SHA-256 and SHA-512", Ulrich Drepper, 2007). They are computed in slices, so that no other
 * request waits for one of them.
 */

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ROUNDS_A_SLICE = 64;

type Digest = (...parts: readonly Buffer[]) => Buffer;

function digestOf(algorithm: string): Digest {
  return (...parts) => hash(algorithm, Buffer.concat(parts), 'buffer');
}

/** Six bits a character, the lowest first. */
function to64(value: number, characters: number): string {
  let text = '';
  for (let left = value, i = 0; i < characters; i++, left >>>= 6) text += ALPHABET[left & 63];
  return text;
}

/** As many bytes of `source`, over and over, as asked for. */
function filled(source: Buffer, bytes: number): Buffer {
  return Buffer.alloc(bytes, source);
}

const MD5 = digestOf('md5');

/** The hash part of `$apr1$salt$hash`. */
export async function apr1(password: string, salt: string): Promise<string> {
  const [key, seed] = [Buffer.from(password), Buffer.from(salt)];
  const inner = MD5(key, seed, key);
  const parts = [key, Buffer.from('$apr1$'), seed, filled(inner, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) {
    parts.push(bits & 1 ? Buffer.from([0]) : key.subarray(0, 1));
  }
  let last = MD5(...parts);
  for (let round = 0; round < 1000; round++) {
    if (round % ROUNDS_A_SLICE === 0) await setImmediate();
    const step = [round & 1 ? key : last];
    if (round % 3 !== 0) step.push(seed);
    if (round % 7 !== 0) step.push(key);
    step.push(round & 1 ? last : key);
    last = MD5(...step);
  }
  const order = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5];
  return inTriples(last, order) + to64(last[11]!, 2);
}

function inTriples(digest: Buffer, order: readonly number[]): string {
  let text = '';
  for (let i = 0; i + 2 < order.length; i += 3) {
    text += to64((digest[order[i]!]! << 16) | (digest[order[i + 1]!]! << 8) | digest[order[i + 2]!]!, 4);
  }
  return text;
}

/** The hash part of `$5$…` (bits 256) and `$6$…` (512). */
export async function shaCrypt(
  bits: 256 | 512,
  password: string,
  salt: string,
  rounds: number,
): Promise<string> {
  const digest = digestOf(`sha${bits}`);
  const [key, seed] = [Buffer.from(password), Buffer.from(salt)];
  const inner = digest(key, seed, key);
  const parts = [key, seed, filled(inner, key.length)];
  for (let left = key.length; left > 0; left >>= 1) parts.push(left & 1 ? inner : key);
  let last = digest(...parts);
  const p = filled(digest(...Array.from({ length: key.length }, () => key)), key.length);
  const s = filled(digest(...Array.from({ length: 16 + last[0]! }, () => seed)), seed.length);
  for (let round = 0; round < rounds; round++) {
    if (round % ROUNDS_A_SLICE === 0) await setImmediate();
    const step = [round & 1 ? p : last];
    if (round % 3 !== 0) step.push(s);
    if (round % 7 !== 0) step.push(p);
    step.push(round & 1 ? last : p);
    last = digest(...step);
  }
  return bits === 256 ? sha256Text(last) : sha512Text(last);
}

function sha256Text(digest: Buffer): string {
  const order: number[] = [];
  for (let i = 0, [a, b, c] = [0, 10, 20]; i < 10; i++, [a, b, c] = [c + 1, a + 1, b + 1])
    order.push(a, b, c);
  return inTriples(digest, order) + to64((digest[31]! << 8) | digest[30]!, 3);
}

function sha512Text(digest: Buffer): string {
  const order: number[] = [];
  for (let i = 0, [a, b, c] = [0, 21, 42]; i < 21; i++, [a, b, c] = [b + 1, c + 1, a + 1])
    order.push(a, b, c);
  return inTriples(digest, order) + to64(digest[63]!, 2);
}
