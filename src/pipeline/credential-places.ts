import { Type } from 'typebox';
import { withoutCookie } from '../lib/cookie-text.ts';
import { withoutQueryParam } from '../lib/query-text.ts';
import { exactlyOneOf, list, refined, text, token } from '../lib/schema.ts';
import type { Exchange } from './exchange.ts';

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
        header: Type.Optional(token('Name of a header.')),
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

/** One place, resolved: a request only reads. */
interface BoundPlace {
  readonly id: string;
  /** Null: nothing stands there. */
  read(x: Exchange): string | null;
  strip(x: Exchange): void;
}

/** The places of one authenticator. */
export interface CredentialReader {
  /** Of the first place where something stands. Several lines of a header are joined by `, `; null: nothing stands anywhere. */
  read(x: Exchange): string | null;
  /** As in `BoundAuthenticator.leaves`. */
  readonly ids: readonly string[];
  /**
   * Takes what stands in any of them out of what is sent upstream.
   * @param spared not from these
   */
  strip(x: Exchange, spared?: readonly string[]): void;
}

export function compilePlaces(places: readonly CredentialPlace[]): CredentialReader {
  const bound = places.map(bindPlace);
  return {
    read(x) {
      for (const place of bound) {
        const found = place.read(x);
        if (found !== null) return found;
      }
      return null;
    },
    ids: bound.map(({ id }) => id),
    strip(x, spared) {
      for (const place of bound) if (spared?.includes(place.id) !== true) place.strip(x);
    },
  };
}

function bindPlace({ header, scheme, query, cookie }: CredentialPlace): BoundPlace {
  if (query !== undefined) return inQuery(query);
  if (cookie !== undefined) return inCookie(cookie);
  const name = header!.toLowerCase();
  if (scheme === undefined) {
    return {
      id: `header ${name}`,
      read: (x) => x.request.header(name),
      strip: (x) => x.request.removeHeader(name),
    };
  }
  const prefix = `${scheme.toLowerCase()} `;
  const read = (x: Exchange): string | null => {
    const value = x.request.header(name);
    if (value === null || value.slice(0, prefix.length).toLowerCase() !== prefix) return null;
    return value.slice(prefix.length).trim();
  };
  // The header of another scheme is not ours to take.
  return {
    id: `header ${name}`,
    read,
    strip(x) {
      if (read(x) !== null) x.request.removeHeader(name);
    },
  };
}

function inQuery(name: string): BoundPlace {
  return {
    id: `query ${name}`,
    read: ({ request }) => (request.query === '' ? null : request.queryParam(name)),
    strip({ request }) {
      if (request.query === '') return;
      const left = withoutQueryParam(request.query, name);
      if (left !== request.query) request.setQuery(left);
    },
  };
}

function inCookie(name: string): BoundPlace {
  return {
    id: `cookie ${name}`,
    read: ({ request }) => request.cookie(name),
    strip({ request }) {
      if (request.cookie(name) === null) return;
      const lines = request.headerLines('cookie').map((line) => withoutCookie(line, name));
      request.removeHeader('cookie');
      for (const line of lines) if (line !== '') request.addHeader('cookie', line);
    },
  };
}
