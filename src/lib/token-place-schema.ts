import { type Static, Type } from 'typebox';
import { requestHeaderName } from './header-schema.ts';
import { exactlyOneOf, fields, list, text, token } from './schema.ts';

const place = exactlyOneOf(
  ['header', 'cookie', 'query'],
  {
    header: Type.Optional(
      fields(
        {
          name: requestHeaderName('Name of the header.'),
          scheme: text('What stands before the token, in any case; empty: nothing.', {
            default: '',
            maxLength: 64,
            pattern: '^[A-Za-z0-9-]*$',
          }),
        },
        'A header.',
      ),
    ),
    cookie: Type.Optional(token('Name of a cookie.')),
    query: Type.Optional(text('Name of a query parameter.', { minLength: 1, maxLength: 256 })),
  },
  'Where the token may be: exactly one of header, cookie, query.',
);

export type TokenPlaceConfig = Static<typeof place>;

/** Where a token is looked for. */
export function tokenPlaces() {
  return list(place, 'Where the token may be. Two different tokens in one request are refused.', {
    minItems: 1,
    maxItems: 8,
    default: [{ header: { name: 'Authorization', scheme: 'Bearer' } }],
  });
}
