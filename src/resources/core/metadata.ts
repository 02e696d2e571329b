import { Type } from 'typebox';
import { objectMeta } from '../metadata.ts';

/** Metadata of objects that others own: read what is needed, let the rest pass. */
export const coreMeta = Type.Object(
  { ...objectMeta.properties },
  { description: "Standard object's metadata.", additionalProperties: true },
);
