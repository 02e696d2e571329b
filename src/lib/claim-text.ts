import type { Claims } from './token-claims.ts';

export type ClaimReader = (claims: Claims) => unknown;

/** A claim by its name, or by a JSON Pointer (RFC 6901) that begins with `/`. Undefined when it is not there. */
export function claimReader(name: string): ClaimReader {
  if (!name.startsWith('/')) return (claims) => claims[name];
  const steps = name
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (claims) => {
    let value: unknown = claims;
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
      value = (value as Record<string, unknown>)[step];
    }
    return value;
  };
}

/** Texts of several claims: of lists their texts, of a text its words (`scope`, RFC 8693 section 4.2). */
export function textsReader(names: readonly string[]): (claims: Claims) => readonly string[] {
  const readers = names.map(claimReader);
  return (claims) => [...new Set(readers.flatMap((read) => textsOf(read(claims))))];
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '');
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what no header may hold
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * A claim as the value of a header, in UTF-8; null when it can't be one. A list of texts is joined by commas where none of
 * them has one: `["user,admin"]` must not read as two. Everything else is JSON.
 */
export function headerText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const plain = plainText(value) ?? JSON.stringify(value);
  if (CONTROL.test(plain)) return null;
  return Buffer.from(plain.trim(), 'utf8').toString('latin1');
}

function plainText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const isPlain = Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes(','));
  return isPlain ? value.join(',') : null;
}
