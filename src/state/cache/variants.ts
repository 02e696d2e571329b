import { hash, randomBytes } from 'node:crypto';

/**
 * What a store knows of a URL beside its answers: which header fields choose between them, and how many there are. The
 * key of each answer holds the series, so that without this record, or with another series, none of them is found.
 */
export interface Variants {
  /** Random; another one makes all answers of the URL unreachable. */
  readonly series: string;
  /** Header names in lower case, sorted: what any answer has named in Vary. */
  readonly vary: readonly string[];
  /** Hashes of the selections that were kept. */
  readonly selections: readonly string[];
}

/** A request, as far as answers may be chosen by it. */
export interface Selecting {
  /** What it has in the header fields of these names. */
  select(names: readonly string[]): string;
}

/** More would let clients fill the store with one URL. */
const MAX_VARY_NAMES = 8;

/**
 * The record with one more answer in it; null when it names too many headers.
 * @param vary header names in lower case, sorted
 * @param max answers of one URL that differ by Vary; one more starts a new series
 */
export function admitVariant(
  now: Variants | null,
  vary: readonly string[],
  request: Selecting,
  max: number,
): Variants | null {
  const names = now === null ? vary : union(now.vary, vary);
  if (names.length > MAX_VARY_NAMES) return null;
  const chosen = names.length === 0 ? [] : [hash('sha256', request.select(names), 'base64url').slice(0, 16)];
  if (now === null) return { series: newSeries(), vary: names, selections: chosen };
  // With another name all keys are others: what was kept is not found again.
  if (names.length > now.vary.length) return { series: now.series, vary: names, selections: chosen };
  const [selection] = chosen;
  if (selection === undefined || now.selections.includes(selection)) return now;
  if (now.selections.length >= max) return { series: newSeries(), vary: names, selections: chosen };
  return { ...now, selections: [...now.selections, selection] };
}

function union(some: readonly string[], more: readonly string[]): readonly string[] {
  if (more.every((name) => some.includes(name))) return some;
  return [...new Set([...some, ...more])].sort();
}

function newSeries(): string {
  return randomBytes(9).toString('base64url');
}

export function packVariants({ series, vary, selections }: Variants): Buffer {
  return Buffer.from(JSON.stringify([series, vary, selections]), 'utf8');
}

/** Null when the bytes are no such record. */
export function unpackVariants(packed: Buffer): Variants | null {
  try {
    const [series, vary, selections] = JSON.parse(packed.toString('utf8')) as [string, string[], string[]];
    return { series, vary, selections };
  } catch {
    return null;
  }
}
