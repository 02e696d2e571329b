import { type Static, Type } from 'typebox';
import { limitSchema, limitScope, scopeProblem } from '../lib/limit-schema.ts';
import { choice, fields, refined } from '../lib/schema.ts';
import { API_VERSION, objectMeta } from './metadata.ts';
import { status } from './status.ts';

export const rateLimitPolicySchema = Type.Object(
  {
    apiVersion: choice([API_VERSION], 'Version of the schema.'),
    kind: choice(['RateLimitPolicy'], 'Kind of the resource.'),
    metadata: objectMeta,
    spec: refined(
      fields(
        {
          ...limitScope,
          limits: Type.Array(limitSchema(8), {
            description:
              'All of them must hold. Those by API key are told first, then by user, by address, then others.',
            minItems: 1,
            maxItems: 32,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
          }),
        },
        'What is limited.',
      ),
      scopeProblem,
    ),
    status: Type.Optional(status),
  },
  {
    additionalProperties: false,
    description: 'Limits how many requests a client may send; routes refer to it by name.',
  },
);

export type RateLimitPolicy = Static<typeof rateLimitPolicySchema>;
