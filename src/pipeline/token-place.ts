import { withoutCookie } from '../lib/cookie-text.ts';
import { withoutQueryParam } from '../lib/query-text.ts';
import type { TokenPlaceConfig } from '../lib/token-place-schema.ts';
import type { BoundAuthenticator } from './authenticator.ts';
import type { Exchange, RequestFields } from './exchange.ts';

/** Where a request may have its token. */
export interface TokenPlace {
  /** As in `BoundAuthenticator.leaves`. */
  readonly id: string;
  /** What stands there, scheme included: one string less to make for a token that is known. Null: nothing. */
  read(x: Exchange): string | null;
  /** The token in it; null when it is none of this scheme, so that it may be for others. */
  tokenIn(raw: string): string | null;
  strip(request: RequestFields): void;
}

export function tokenPlace({ header, cookie, query }: TokenPlaceConfig): TokenPlace {
  if (header !== undefined) return headerPlace(header.name.toLowerCase(), header.scheme);
  const tokenIn = (raw: string) => (raw === '' ? null : raw);
  if (cookie !== undefined) {
    return {
      id: `cookie ${cookie}`,
      read: (x) => x.request.cookie(cookie),
      tokenIn,
      strip: (request) => stripCookie(request, cookie),
    };
  }
  const name = query!;
  return {
    id: `query ${name}`,
    read: (x) => (x.request.query === '' ? null : x.request.queryParam(name)),
    tokenIn,
    strip: (request) => request.setQuery(withoutQueryParam(request.query, name)),
  };
}

/** Of an authenticator that leaves the token to the backend. */
export function leavingPlaces(places: readonly TokenPlace[]): Pick<BoundAuthenticator, 'leaves' | 'drop'> {
  return {
    leaves: places.map(({ id }) => id),
    drop(x, spared) {
      for (const { id, read, tokenIn, strip } of places) {
        if (spared.includes(id)) continue;
        const raw = read(x);
        if (raw !== null && tokenIn(raw) !== null) strip(x.request);
      }
    },
  };
}

function headerPlace(name: string, scheme: string): TokenPlace {
  const prefix = scheme === '' ? '' : `${scheme.toLowerCase()} `;
  return {
    id: `header ${name}`,
    read: (x) => x.request.header(name),
    tokenIn(raw) {
      if (raw.slice(0, prefix.length).toLowerCase() !== prefix) return null;
      const token = raw.slice(prefix.length).trim();
      return token === '' ? null : token;
    },
    strip: (request) => request.removeHeader(name),
  };
}

function stripCookie(request: RequestFields, name: string): void {
  const lines = request.headerLines('cookie');
  const kept = lines.map((line) => withoutCookie(line, name)).filter((line) => line !== '');
  request.removeHeader('cookie');
  for (const line of kept) request.addHeader('cookie', line);
}
