import { type Static, Type } from 'typebox';
import { choice } from '../../lib/schema.ts';
import { coreMeta } from './metadata.ts';

/** The parts of a core/v1 ConfigMap that are read. */
export const configMapSchema = Type.Object({
  apiVersion: choice(['v1'], 'Version of the schema.'),
  kind: choice(['ConfigMap'], 'Kind of the resource.'),
  metadata: coreMeta,
  data: Type.Optional(
    Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } }),
  ),
});

export type ConfigMap = Static<typeof configMapSchema>;
