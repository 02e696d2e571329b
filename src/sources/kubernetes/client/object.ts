import type { ObjectRef } from '../../../ir/origin.ts';

/** An object as the API server sends it: only what every object has. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMeta;
  readonly [field: string]: unknown;
}

export interface KubeMeta {
  readonly name: string;
  /** Absent for objects of the cluster. */
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Where a kind is found. */
export interface KubeKind {
  readonly kind: string;
  readonly apiVersion: string;
  /** Lower-case plural, as in the path. */
  readonly plural: string;
}

export interface Selection {
  /** null: all namespaces, or a kind of the cluster. */
  readonly namespace: string | null;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Names, versions and labels alone are sent, not what the objects hold. */
  readonly metadataOnly?: boolean;
}

/** Path of a kind's collection, or of one object, or of a part of it such as `status`. */
export function pathOf(kind: KubeKind, namespace: string | null, name?: string, part?: string): string {
  const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
  const scope = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${kind.plural}${object}${part === undefined ? '' : `/${part}`}`;
}

export function refOf({ kind }: KubeKind, { metadata }: KubeObject): ObjectRef {
  return { kind, namespace: metadata.namespace ?? '', name: metadata.name };
}

/** Whether a value off the wire has what every object has. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false;
  const { metadata } = value as { metadata?: unknown };
  return typeof metadata === 'object' && metadata !== null;
}
