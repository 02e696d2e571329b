import { argon2, hash, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { StoredPassword } from '../../lib/password-hash.ts';
import { apr1, shaCrypt } from './unix-crypt.ts';

const runArgon2 = promisify(argon2);

/** Native code stands beside the bundle; only who has such hashes needs it. */
const loadBcrypt = () => import('@node-rs/bcrypt');

/** Whether it is that password. The time that it takes tells nothing but the form of the hash. */
export async function isPassword(password: string, stored: StoredPassword): Promise<boolean> {
  switch (stored.kind) {
    case 'plain':
      return sameText(password, stored.text);
    case 'bcrypt':
      // bcrypt reads no further than that, and some libraries refuse more.
      return (await loadBcrypt()).verify(Buffer.from(password).subarray(0, 72), stored.text);
    case 'argon2': {
      const { algorithm, tag, kind: _, ...parameters } = stored;
      const message = Buffer.from(password);
      const made = await runArgon2(algorithm, { ...parameters, message, tagLength: tag.length });
      return timingSafeEqual(made, tag);
    }
    case 'apr1':
      return sameText(await apr1(password, stored.salt), stored.tag);
    case 'shaCrypt':
      return sameText(await shaCrypt(stored.bits, password, stored.salt, stored.rounds), stored.tag);
    case 'sha1': {
      const made = hash('sha1', Buffer.concat([Buffer.from(password), stored.salt]), 'buffer');
      return timingSafeEqual(made, stored.tag);
    }
  }
}

/** Over digests: neither the length nor the place of the first difference shows. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}
