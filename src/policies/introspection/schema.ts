import { type Static, Type } from 'typebox';
import { claimNames } from '../../lib/claim-schema.ts';
import { realm } from '../../lib/header-schema.ts';
import { duration, fields, list, secretRef, text } from '../../lib/schema.ts';
import { tokenPlaces } from '../../lib/token-place-schema.ts';

const texts = (item: string, description: string) =>
  list(text(item, { minLength: 1, maxLength: 1024 }), description, { maxItems: 64, default: [] });

export const introspectionSchema = fields(
  {
    url: text('The introspection endpoint of the authorization server.', {
      minLength: 1,
      maxLength: 2048,
      pattern: '^https?://[^\\s#@]+$',
      'x-hint': 'write an http or https URL without user and fragment',
    }),
    client: fields(
      {
        id: text('Its name there.', { minLength: 1, maxLength: 1024 }),
        secretRef: secretRef('secret', 'Its secret, sent as HTTP Basic (RFC 6749 section 2.3.1).'),
      },
      'Who the gateway is to the authorization server.',
    ),
    timeout: duration('What one question may take; then 503.', '2s'),
    cache: duration(
      'Longest time for which an answer counts; it ends with the token. `0s`: every request asks.',
      '60s',
    ),
    from: tokenPlaces(),
    issuers: texts('An `iss`.', 'Who may have issued a token; none: anyone.'),
    audiences: texts('An `aud`.', 'For whom a token must be, one of these; none: for anyone.'),
    forward: Type.Boolean({ description: 'Whether the backend gets the token, too.', default: true }),
    roles: claimNames('Members of the answer whose texts become the roles.', ['roles']),
    permissions: claimNames('Members of the answer whose texts become the permissions.', ['scope']),
    groups: claimNames('Members of the answer whose texts become the groups.', ['groups']),
    realm: Type.Optional(realm('`realm` of the challenge in WWW-Authenticate.')),
  },
  'Who has a token that the authorization server calls active (RFC 7662) may come in.',
);

export type IntrospectionSchema = Static<typeof introspectionSchema>;
