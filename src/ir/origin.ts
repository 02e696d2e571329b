/** Identity of a resource: what an operator would type after `kubectl get`. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A place in a file. Lines and columns start at 1. */
export interface FileLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Where a piece of configuration was written: object, path of the field inside it (`spec.rules[0]`,
 * empty for the whole object) and, when it was read from a file, the place in that file.
 */
export interface Origin {
  readonly object: ObjectRef;
  readonly fieldPath: string;
  readonly location: FileLocation | null;
}

/** `kind/namespace/name`: the key under which an object is stored and compared. */
export function objectKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** `file:line:column` when known, else the object's key with the field path. */
export function describeOrigin(origin: Origin): string {
  const { location, fieldPath } = origin;
  if (location !== null) return `${location.file}:${location.line}:${location.column}`;
  return fieldPath === '' ? objectKey(origin.object) : `${objectKey(origin.object)} ${fieldPath}`;
}
