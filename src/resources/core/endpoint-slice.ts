import { type Static, Type } from 'typebox';
import { choice } from '../../lib/schema.ts';
import { coreMeta } from './metadata.ts';

/** The API server prints conditions and lists that were not set as null. */
const flag = Type.Optional(Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] }));
const text = Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] }));

type Names = readonly { readonly name: string }[] | null;
const names = {
  type: ['array', 'null'],
  items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};

const endpoint = Type.Object({
  addresses: Type.Array(Type.String(), { minItems: 1 }),
  conditions: Type.Optional(Type.Object({ ready: flag, serving: flag, terminating: flag })),
  zone: text,
  nodeName: text,
  hints: Type.Optional(
    Type.Unsafe<{ forZones?: Names; forNodes?: Names } | null>({
      type: ['object', 'null'],
      properties: { forZones: names, forNodes: names },
    }),
  ),
});

const endpointPort = Type.Object({
  name: text,
  port: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 1, maximum: 65535 })),
  protocol: Type.String({ default: 'TCP' }),
  appProtocol: text,
});

/** The parts of a discovery.k8s.io/v1 EndpointSlice that are read. */
export const endpointSliceSchema = Type.Object({
  apiVersion: choice(['discovery.k8s.io/v1'], 'Version of the schema.'),
  kind: choice(['EndpointSlice'], 'Kind of the resource.'),
  metadata: coreMeta,
  addressType: choice(['IPv4', 'IPv6', 'FQDN'], 'Type of the addresses.'),
  endpoints: Type.Unsafe<Static<typeof endpoint>[] | null>({
    type: ['array', 'null'],
    items: endpoint,
    default: [],
  }),
  ports: Type.Unsafe<Static<typeof endpointPort>[] | null>({
    type: ['array', 'null'],
    items: endpointPort,
    default: [],
  }),
});

export type EndpointSlice = Static<typeof endpointSliceSchema>;

/** Label that ties a slice to its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
