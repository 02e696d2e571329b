import { type TSchema, Type } from 'typebox';
import { refined } from '../../lib/schema.ts';
import type { PolicyDescription, PolicyDescriptions } from '../gateway-route/schema.ts';

function policy(name: string, schema: TSchema): [string, PolicyDescription] {
  return [name, { name, summary: `The policy ${name}.`, schema }];
}

const closed = { additionalProperties: false };

/** A catalogue for tests: the policies of the example document, with every shape that a schema may have. */
export const examplePolicies: PolicyDescriptions = new Map([
  policy(
    'cors',
    refined(
      Type.Object(
        {
          origins: Type.Array(
            refined(Type.String({ maxLength: 256 }), (origin) =>
              origin.endsWith('/') ? 'an origin has no path' : null,
            ),
            { maxItems: 16 },
          ),
          credentials: Type.Boolean({ default: false }),
        },
        closed,
      ),
      ({ origins, credentials }) =>
        credentials && origins.includes('*') ? 'name the origins that may send credentials' : null,
    ),
  ),
  policy(
    'jwt',
    Type.Object(
      {
        issuer: Type.String(),
        audiences: Type.Optional(Type.Array(Type.String())),
        jwks: Type.Object({ url: Type.String(), refresh: Type.String({ default: '10m' }) }, closed),
        claimsToVerify: Type.Optional(Type.Array(Type.Union([Type.Literal('exp'), Type.Literal('nbf')]))),
      },
      closed,
    ),
  ),
  policy('rateLimit', Type.Object({ ref: Type.String() }, closed)),
  policy('cache', Type.Object({ ttl: Type.String(), staleIfError: Type.Optional(Type.String()) }, closed)),
  policy('require', Type.Object({ permissions: Type.Array(Type.String()) }, closed)),
  policy(
    'validate',
    Type.Object({ body: Type.Object({ schema: Type.Unsafe<object>({ type: 'object' }) }, closed) }, closed),
  ),
  policy('headers', Type.Object({ set: Type.Optional(Type.Record(Type.String(), Type.String())) }, closed)),
  policy('sample', Type.Object({ share: Type.Number({ exclusiveMinimum: 0, maximum: 1 }) }, closed)),
]);
