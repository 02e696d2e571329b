import { parseHash, type StoredPassword } from '../../lib/password-hash.ts';

/** Users of an htpasswd file. */
export type Htpasswd = ReadonlyMap<string, StoredPassword>;

/** The first line that can't be used, in words that repeat nothing of it; null when all can be. */
export function htpasswdProblem(text: string): string | null {
  const users = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = readLine(line);
    if (entry === 'skip') continue;
    const at = `line ${index + 1} of its htpasswd`;
    if (entry === null) return `has no user and hash in ${at}`;
    if (entry.stored === null)
      return `has a hash in ${at} that is not known here: use bcrypt (htpasswd -B), argon2, apr1, $5$, $6$, {SHA} or {SSHA}`;
    if (users.has(entry.user)) return `has a second entry of one user in ${at}`;
    users.add(entry.user);
  }
  return users.size === 0 ? 'has no user in its htpasswd' : null;
}

/** @throws Error for what {@link htpasswdProblem} tells. */
export function parseHtpasswd(text: string): Htpasswd {
  const problem = htpasswdProblem(text);
  if (problem !== null) throw new Error(problem);
  const users = new Map<string, StoredPassword>();
  for (const line of text.split(/\r?\n/)) {
    const entry = readLine(line);
    if (entry !== 'skip' && entry?.stored != null) users.set(entry.user, entry.stored);
  }
  return users;
}

function readLine(
  line: string,
): { readonly user: string; readonly stored: StoredPassword | null } | 'skip' | null {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return 'skip';
  const colon = trimmed.indexOf(':');
  if (colon < 1) return null;
  // nginx takes a comment behind another colon.
  const [hash = ''] = trimmed.slice(colon + 1).split(':');
  return { user: trimmed.slice(0, colon), stored: parseHash(hash) };
}
