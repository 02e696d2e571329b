import { type Static, Type } from 'typebox';
import { claimNames } from '../../lib/claim-schema.ts';
import { choice, duration, fields, objectName, secretRef, text } from '../../lib/schema.ts';

export const userLookup = fields(
  {
    url: text('Where a GET tells about a user, as a JSON object; `{sub}` stands for the user.', {
      minLength: 1,
      maxLength: 2048,
      pattern: '^https?://[^\\s#@]*[{]sub[}][^\\s#@]*$',
      'x-hint': 'write an http or https URL with {sub} in its path or query',
    }),
    secretRef: Type.Optional(secretRef('token', 'A bearer token for that service.')),
    timeout: duration('What one look-up may take.', '1s'),
    cache: duration('How long an answer counts.', '300s'),
    redis: Type.Optional(
      fields(
        { ref: objectName('Name of a Redis connection of portreeve.yaml.') },
        'Answers are kept there, too, under `user:` and the user, for all replicas.',
      ),
    ),
    onError: choice(
      ['refuse', 'stale', 'ignore'],
      'When the service fails: 503; or the last answer of the past hour, else 503; or what the token says alone.',
      { default: 'refuse' },
    ),
    roles: claimNames('Fields of the answer whose texts become roles.', ['roles']),
    permissions: claimNames('Fields of the answer whose texts become permissions.', ['permissions']),
    groups: claimNames('Fields of the answer whose texts become groups.', ['groups']),
  },
  'The user behind `sub` is looked up for roles, permissions and groups, which are added to those of the token. One that is not there (404) has no good token.',
);

export type UserLookup = Static<typeof userLookup>;
