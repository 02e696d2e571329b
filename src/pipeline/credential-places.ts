import { Type } from 'typebox';
import { requestHeaderName } from '../lib/header-schema.ts';
import { exactlyOneOf, list, refined, text, token } from '../lib/schema.ts';
import type { TokenPlaceConfig } from '../lib/token-place-schema.ts';
import { cookiePlace, headerPlace, type Place, queryPlace } from './place.ts';

/** A place of a request where a credential may stand. */
export interface CredentialPlace {
  readonly header?: string;
  /** With `header`: what the value begins with, such as `Bearer`. */
  readonly scheme?: string;
  readonly query?: string;
  readonly cookie?: string;
}

/** Schema of a list of {@link CredentialPlace}. */
export function credentialPlaces(description: string, fallback: readonly CredentialPlace[]) {
  const place = refined(
    exactlyOneOf(
      ['header', 'query', 'cookie'],
      {
        header: Type.Optional(requestHeaderName('Name of a header.')),
        scheme: Type.Optional(
          token('What the header begins with: `ApiKey` reads `Authorization: ApiKey …`. Only with `header`.'),
        ),
        query: Type.Optional(text('Name of a query parameter.', { minLength: 1, maxLength: 256 })),
        cookie: Type.Optional(token('Name of a cookie.')),
      },
      'A place: exactly one of header, query, cookie.',
    ),
    ({ header, scheme }) => (scheme !== undefined && header === undefined ? 'scheme goes with header' : null),
  );
  return list(place, description, { minItems: 1, maxItems: 8, default: [...fallback] });
}

export function credentialPlace({ header, scheme, query, cookie }: CredentialPlace): Place {
  if (query !== undefined) return queryPlace(query);
  return cookie === undefined ? headerPlace(header!, scheme ?? '') : cookiePlace(cookie);
}

export function tokenPlace({ header, query, cookie }: TokenPlaceConfig): Place {
  if (query !== undefined) return queryPlace(query);
  return cookie === undefined ? headerPlace(header!.name, header!.scheme) : cookiePlace(cookie);
}
