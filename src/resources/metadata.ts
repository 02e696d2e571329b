import { Type } from 'typebox';
import { objectName } from '../lib/schema.ts';

export const API_GROUP = 'portreeve.dev';
export const API_VERSION = `${API_GROUP}/v1alpha1`;

const text = Type.Optional(Type.String());
const labels = Type.Optional(
  Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } }),
);
const opaque = Type.Optional(Type.Unknown());
/** Tools that print objects write `creationTimestamp: null`. */
const timestamp = Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] }));

/** Kubernetes' ObjectMeta: the fields that are read have a type, the others are only known by name. */
export const objectMeta = Type.Object(
  {
    name: objectName('Name of the object, unique within its kind and namespace.'),
    namespace: Type.String({
      description: 'Namespace of the object.',
      default: 'default',
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    }),
    labels,
    annotations: labels,
    uid: text,
    resourceVersion: text,
    generation: Type.Optional(Type.Integer()),
    creationTimestamp: timestamp,
    deletionTimestamp: timestamp,
    deletionGracePeriodSeconds: opaque,
    finalizers: opaque,
    generateName: text,
    managedFields: opaque,
    ownerReferences: opaque,
    selfLink: text,
  },
  { additionalProperties: false, description: "Standard object's metadata." },
);
