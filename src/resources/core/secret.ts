import { type Static, Type } from 'typebox';
import { choice } from '../../lib/schema.ts';
import { coreMeta } from './metadata.ts';

const texts = Type.Optional(
  Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } }),
);

/** The parts of a core/v1 Secret that are read. Never print one. */
export const secretSchema = Type.Object({
  apiVersion: choice(['v1'], 'Version of the schema.'),
  kind: choice(['Secret'], 'Kind of the resource.'),
  metadata: coreMeta,
  type: Type.String({ default: 'Opaque' }),
  /** Base64. */
  data: texts,
  /** Plain text; takes the place of `data` of the same key. */
  stringData: texts,
});

export type Secret = Static<typeof secretSchema>;
