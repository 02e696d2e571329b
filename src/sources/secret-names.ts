/**
 * Names of the Secrets that a piece of an object refers to. By convention of the schemas a reference to a Secret is a field
 * `secretRef` with a `name`, wherever it stands.
 */
export function secretNamesIn(value: unknown): ReadonlySet<string> {
  return namesIn(value, 'secretRef');
}

/** As {@link secretNamesIn}, of ConfigMaps: a field `configMapRef`. */
export function configMapNamesIn(value: unknown): ReadonlySet<string> {
  return namesIn(value, 'configMapRef');
}

function namesIn(value: unknown, reference: string): ReadonlySet<string> {
  const names = new Set<string>();
  collect(value, reference, names);
  return names;
}

function collect(value: unknown, reference: string, names: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, child] of Object.entries(value)) {
    const name = field === reference ? (child as { name?: unknown } | null)?.name : undefined;
    if (typeof name === 'string') names.add(name);
    else collect(child, reference, names);
  }
}
