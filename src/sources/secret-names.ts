/**
 * Names of the Secrets that a piece of an object refers to. By convention of the schemas a reference to a Secret is a field
 * `secretRef` with a `name`, wherever it stands.
 */
export function secretNamesIn(value: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  collect(value, names);
  return names;
}

function collect(value: unknown, names: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, child] of Object.entries(value)) {
    const name = field === 'secretRef' ? (child as { name?: unknown } | null)?.name : undefined;
    if (typeof name === 'string') names.add(name);
    else collect(child, names);
  }
}
