import { type Static, Type } from 'typebox';
import { choice } from '../../lib/schema.ts';
import { coreMeta } from './metadata.ts';

const servicePort = Type.Object({
  name: Type.Optional(Type.String()),
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
  targetPort: Type.Optional(
    Type.Unsafe<string | number>({
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      'x-kubernetes-int-or-string': true,
    }),
  ),
  protocol: Type.String({ default: 'TCP' }),
  appProtocol: Type.Optional(Type.String()),
});

/** The parts of a core/v1 Service that are read. */
export const serviceSchema = Type.Object({
  apiVersion: choice(['v1'], 'Version of the schema.'),
  kind: choice(['Service'], 'Kind of the resource.'),
  metadata: coreMeta,
  spec: Type.Object({
    type: Type.String({ default: 'ClusterIP' }),
    clusterIP: Type.Optional(Type.String()),
    externalName: Type.Optional(Type.String()),
    ports: Type.Array(servicePort, { default: [] }),
  }),
});

export type Service = Static<typeof serviceSchema>;
