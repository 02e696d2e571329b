import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Who a token is of. */
export type Identity =
  /** `name`: the data plane's, when the token tells it; null: it may name itself. */
  { readonly ok: true; readonly name: string | null } | { readonly ok: false; readonly reason: string };

/**
 * Says whether the owner of a token may follow the tables.
 * @throws Error when it can't be told now
 */
export type Authenticator = (token: string) => Promise<Identity>;

/** A token that both sides know, in a file that may be replaced at any time. */
export function sharedToken(file: string): Authenticator {
  return async (token) => {
    const known = (await readFile(file, 'utf8')).trim();
    if (known === '') throw new Error(`${file} is empty`);
    // Digests have one length, so neither length nor content can be measured.
    const same = timingSafeEqual(digest(token), digest(known));
    return same ? { ok: true, name: null } : { ok: false, reason: 'the token is not the shared one' };
  };
}

/** The first that takes the token. */
export function anyOf(authenticators: readonly Authenticator[]): Authenticator {
  return async (token) => {
    const reasons: string[] = [];
    for (const authenticate of authenticators) {
      const identity = await authenticate(token);
      if (identity.ok) return identity;
      reasons.push(identity.reason);
    }
    return { ok: false, reason: reasons.join('; ') };
  };
}

/** The token of `Authorization: Bearer …` (RFC 6750 section 2.1); null for anything else. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer ([A-Za-z0-9\-._~+/]{1,8192}=*)$/i.exec(authorization ?? '')?.[1] ?? null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
