/** Steps from an object to one of its fields: names of fields and indexes of lists. */
export type FieldSteps = readonly (string | number)[];

const PLAIN_NAME = /^[A-Za-z_$][\w$-]*$/;
const STEP = /\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/gy;

/** `spec.rules[2].backends[0]`; names that are not plain are quoted: `metadata.labels["a/b"]`. */
export function formatFieldPath(steps: FieldSteps): string {
  let path = '';
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`;
    else if (!PLAIN_NAME.test(step)) path += `[${JSON.stringify(step)}]`;
    else path += path === '' ? step : `.${step}`;
  }
  return path;
}

/** The inverse of {@link formatFieldPath}; what can't be read ends the path there. */
export function parseFieldPath(path: string): FieldSteps {
  const steps: (string | number)[] = [];
  for (const [, name, index, quoted] of path.matchAll(STEP)) {
    if (name !== undefined) steps.push(name);
    else if (index !== undefined) steps.push(Number(index));
    else steps.push(String(JSON.parse(quoted!)));
  }
  return steps;
}

/** Steps of a JSON pointer (RFC 6901) into a value: digits are an index where the value is a list. */
export function stepsOfPointer(pointer: string, root: unknown): FieldSteps {
  const steps: (string | number)[] = [];
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    steps.push(Array.isArray(value) ? Number(name) : name);
    value = (value as Record<string, unknown> | undefined)?.[name];
  }
  return steps;
}
