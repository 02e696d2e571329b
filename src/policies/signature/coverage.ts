import type { InnerList, Item } from '../../lib/structured-fields/model.ts';

/** Components that say all that one of the keys says. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  '@authority': ['@target-uri'],
  '@scheme': ['@target-uri'],
  '@path': ['@request-target', '@target-uri'],
  '@query': ['@request-target', '@target-uri'],
  '@request-target': ['@target-uri'],
};

/**
 * Null when the signature covers all that is required. Only the whole value counts: `"content-digest";key="sha-256"` or
 * `"@method";req` are not what was asked for.
 */
export function coverageProblem(input: InnerList, required: readonly string[]): string | null {
  for (const name of required) {
    if (input.items.some((item) => covers(item, name))) continue;
    const wider = WIDER[name];
    if (wider?.some((other) => input.items.some((item) => covers(item, other)))) continue;
    return `it does not cover ${name}`;
  }
  return null;
}

function covers({ bare, params }: Item, name: string): boolean {
  if (bare.kind !== 'string' || bare.value !== name) return false;
  for (const key of params.keys()) if (key !== 'sf' && key !== 'bs') return false;
  return true;
}
