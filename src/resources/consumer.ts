import { type Static, Type } from 'typebox';
import { choice, exactlyOneOf, fields, list, objectName, refined, secretRef, text } from '../lib/schema.ts';
import { signingKeyFault, signingKeyFields } from '../lib/signing-schema.ts';
import { type PolicyDescriptions, policyList } from './gateway-route/schema.ts';
import { API_VERSION, objectMeta } from './metadata.ts';
import { status } from './status.ts';

const credential = exactlyOneOf(
  ['apiKey', 'jwt', 'basic', 'hmac', 'signature', 'certificate'],
  {
    apiKey: Type.Optional(fields({ secretRef: secretRef('key') }, 'An API key.')),
    jwt: Type.Optional(
      fields(
        {
          claim: text('Name of the claim that tells the consumer.', { minLength: 1, maxLength: 256 }),
          equals: text('Its value.', { minLength: 1 }),
        },
        'A verified bearer token with this claim.',
      ),
    ),
    basic: Type.Optional(
      fields(
        {
          username: text('Name of the user.', {
            minLength: 1,
            maxLength: 256,
            pattern: '^[^:\\x00-\\x1f]+$',
          }),
          secretRef: secretRef('password'),
        },
        'A user name and a password.',
      ),
    ),
    hmac: Type.Optional(
      fields(
        {
          username: text('Name under which it signs.', { minLength: 1, maxLength: 256 }),
          secretRef: secretRef('secret'),
        },
        'A shared secret with which it signs requests, for the policy `hmac`.',
      ),
    ),
    signature: Type.Optional(
      refined(
        exactlyOneOf(
          ['secretRef', 'publicKey'],
          {
            keyId: text('What it writes as `keyid`.', { minLength: 1, maxLength: 256 }),
            ...signingKeyFields,
          },
          'A key with which it signs requests (RFC 9421), for the policy `signature`.',
        ),
        signingKeyFault,
      ),
    ),
    certificate: Type.Optional(
      fields(
        { subject: text('Distinguished name of its subject.', { minLength: 1 }) },
        'A client certificate.',
      ),
    ),
  },
  'How the consumer proves who it is: exactly one of apiKey, jwt, basic, hmac, signature, certificate.',
);

const name = (what: string) => text(what, { minLength: 1, maxLength: 253 });

/** Consumer over a catalogue of policies. */
export function consumerSchema(policies: PolicyDescriptions) {
  return Type.Object(
    {
      apiVersion: choice([API_VERSION], 'Version of the schema.'),
      kind: choice(['Consumer'], 'Kind of the resource.'),
      metadata: objectMeta,
      spec: fields(
        {
          groups: Type.Optional(list(name('Name of a group.'), 'Groups it belongs to.', { maxItems: 64 })),
          roles: Type.Optional(
            list(name('Name of a role.'), 'Roles it has; `admin` may do all.', { maxItems: 64 }),
          ),
          permissions: Type.Optional(
            list(name('A permission.'), 'What it may do, besides its roles.', { maxItems: 128 }),
          ),
          credentials: Type.Optional(
            list(credential, 'Any of these tells that it is this consumer.', { maxItems: 32 }),
          ),
          rateLimit: Type.Optional(
            fields(
              { ref: objectName('Name of a RateLimitPolicy of the same namespace.') },
              "Its own limits, in place of the route's.",
            ),
          ),
          policies: Type.Optional(
            policyList(
              policies,
              'Policies of its requests, beside those of the route: those of the phases authz, limit, rewrite and upstream.',
            ),
          ),
        },
        'Who the consumer is.',
      ),
      status: Type.Optional(status),
    },
    {
      additionalProperties: false,
      description: 'A client of the gateway: its credentials, groups, roles, limits and policies.',
    },
  );
}

export type Consumer = Static<ReturnType<typeof consumerSchema>>;
